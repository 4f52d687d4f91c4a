//! Project budgets: pounds, as the web app keeps them (a 32-bit float, which may be anything).

use std::fmt;

/// A budget in pounds as stored: may be negative, huge, infinite or no number at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget(f32);

impl Budget {
    /// The stored value.
    pub const fn new(pounds: f32) -> Self {
        Self(pounds)
    }

    /// The stored value, for writing back and comparing.
    pub const fn pounds(self) -> f32 {
        self.0
    }

    /// Reads `24500`, `24,500.50` or `£24,500`: zero or more, finite.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.trim().trim_start_matches('£').chars().filter(|c| *c != ',').collect();
        let plain = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
        let pounds: f32 = if plain { digits.parse().ok()? } else { return None };
        (pounds.is_finite() && pounds < 1e12).then_some(Self(pounds))
    }

    /// The text that [`Budget::parse`] reads back.
    pub fn editable(self) -> String {
        self.0.to_string()
    }
}

/// Two budgets are the same when the stored bits are, so that NaN equals itself.
impl PartialEq for Budget {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Budget {}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_nan() {
            return f.write_str("£?");
        }
        let sign = if self.0.is_sign_negative() && self.0 != 0.0 { "-" } else { "" };
        let size = self.0.abs();
        if size.is_infinite() || size >= 1e12 {
            return write!(
                f,
                "{sign}£{}",
                if size.is_infinite() { "∞".to_owned() } else { format!("{size:e}") }
            );
        }
        let text = size.to_string();
        let (whole, pence) = text.split_once('.').unwrap_or((&text, ""));
        write!(f, "{sign}£")?;
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        if pence.is_empty() { Ok(()) } else { write!(f, ".{pence:0<2}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_read_as_pounds_whatever_is_stored() {
        let cases = [
            (24500.0, "£24,500"),
            (900.0, "£900"),
            (0.1, "£0.10"),
            (1_234_567.5, "£1,234,567.50"),
            (-3.0, "-£3"),
            (f32::NAN, "£?"),
            (f32::INFINITY, "£∞"),
            (3.4e38, "£3.4e38"),
        ];
        for (pounds, text) in cases {
            assert_eq!(Budget::new(pounds).to_string(), text);
        }
    }

    #[test]
    fn what_is_typed_is_read_and_nonsense_is_not() {
        assert_eq!(Budget::parse(" £24,500.50 "), Some(Budget::new(24500.5)));
        for nonsense in ["", "-1", "1e9", "inf", "NaN", "1.2.3", "9999999999999"] {
            assert_eq!(Budget::parse(nonsense), None, "{nonsense}");
        }
    }
}
