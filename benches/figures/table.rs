//! Medians, and the table that is printed.

use std::fmt;
use std::time::Duration;

/// Measured times.
#[derive(Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Adds one.
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of them is not longer than.
    pub fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
        sorted.get(at).copied().unwrap_or(Duration::MAX)
    }

    /// The median.
    pub fn p50(&self) -> Duration {
        self.quantile(0.5)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {}, p90 {}, n {}", ms(self.p50()), ms(self.quantile(0.9)), self.len())
    }
}

/// Milliseconds, for people.
pub fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}

/// Mebibytes, for people.
pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// How a figure compares with its limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Met,
    Missed,
    /// Beside the point, but worth knowing.
    Info,
}

struct Line {
    what: String,
    limit: String,
    measured: String,
    beside: String,
    verdict: Verdict,
}

/// Every figure of a run.
#[derive(Default)]
pub struct Table(Vec<Line>);

impl Table {
    /// A time that must not exceed a limit; `floor` says how the limit came about.
    pub fn time(&mut self, what: &str, limit: Duration, measured: Duration, beside: impl fmt::Display) {
        self.judge(what, ms(limit), ms(measured), measured <= limit, beside);
    }

    /// A size in bytes.
    pub fn bytes(&mut self, what: &str, limit: usize, measured: usize, beside: impl fmt::Display) {
        self.judge(what, format!("{limit} B"), format!("{measured} B"), measured <= limit, beside);
    }

    /// Memory.
    pub fn memory(&mut self, what: &str, limit: u64, measured: u64) {
        self.judge(what, mib(limit), mib(measured), measured <= limit, "");
    }

    /// A proportion.
    pub fn ratio(&mut self, what: &str, limit: f64, measured: f64, beside: impl fmt::Display) {
        self.judge(what, format!("{limit:.1} x"), format!("{measured:.2} x"), measured <= limit, beside);
    }

    /// A share in percent.
    pub fn percent(&mut self, what: &str, limit: f64, measured: f64, beside: impl fmt::Display) {
        self.judge(what, format!("{limit:.1} %"), format!("{measured:.3} %"), measured <= limit, beside);
    }

    /// Something without a limit.
    pub fn info(&mut self, what: &str, measured: impl fmt::Display, beside: impl fmt::Display) {
        let (limit, measured, beside) = ("-".to_owned(), measured.to_string(), beside.to_string());
        self.add(Line { what: what.to_owned(), limit, measured, beside, verdict: Verdict::Info });
    }

    /// Whether a limit was exceeded.
    pub fn missed(&self) -> bool {
        self.0.iter().any(|line| line.verdict == Verdict::Missed)
    }

    fn judge(&mut self, what: &str, limit: String, measured: String, met: bool, beside: impl fmt::Display) {
        let verdict = if met { Verdict::Met } else { Verdict::Missed };
        self.add(Line { what: what.to_owned(), limit, measured, beside: beside.to_string(), verdict });
    }

    /// Told at once: a run takes minutes.
    fn add(&mut self, line: Line) {
        eprintln!("{}: {} (limit {}; {})", line.what, line.measured, line.limit, line.beside);
        self.0.push(line);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |text: fn(&Line) -> &str, title: &str| {
            self.0.iter().map(|line| text(line).chars().count()).max().unwrap_or(0).max(title.len())
        };
        let (a, b, c) = (
            widest(|line| &line.what, "figure"),
            widest(|line| &line.limit, "limit"),
            widest(|line| &line.measured, "measured"),
        );
        writeln!(f, "| {:a$} | {:>b$} | {:>c$} | verdict | in the same run", "figure", "limit", "measured")?;
        writeln!(f, "|-{:-<a$}-|-{:->b$}-|-{:->c$}-|---------|----------------", "", "", "")?;
        for line in &self.0 {
            let verdict = match line.verdict {
                Verdict::Met => "met",
                Verdict::Missed => "MISSED",
                Verdict::Info => "",
            };
            let Line { what, limit, measured, beside, .. } = line;
            writeln!(f, "| {what:a$} | {limit:>b$} | {measured:>c$} | {verdict:7} | {beside}")?;
        }
        Ok(())
    }
}
