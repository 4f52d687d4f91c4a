//! The screens as they are drawn, at four sizes. Snapshots that somebody has looked at.

use crate::fixtures::Bench;
use kaygia_desk::ui;
use kaygia_desk::ui::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 50)];

pub fn drawn(bench: &Bench) -> String {
    drawn_with(bench, &Theme::built_in("dark", false).unwrap())
}

pub fn drawn_with(bench: &Bench, theme: &Theme) -> String {
    let (width, height) = bench.state.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| ui::draw(&bench.state, theme, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..height {
        let mut line = String::new();
        let mut covered = 0;
        for x in 0..width {
            let symbol = buffer[(x, y)].symbol();
            if covered == 0 {
                line.push_str(symbol);
                covered = kaygia_desk::app::wrap::width(symbol).max(1);
            }
            covered -= 1;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

pub fn at_each_size(name: &str, steps: impl Fn(&mut Bench)) {
    for size in SIZES {
        let mut bench = Bench::new(size, 30);
        steps(&mut bench);
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), drawn(&bench));
    }
}

#[test]
fn queue() {
    at_each_size("queue", |_| {});
}

#[test]
fn thread() {
    at_each_size("thread", |bench| {
        bench.keys("Enter").answer();
    });
}

#[test]
fn reply() {
    at_each_size("reply", |bench| {
        bench.keys("r").answer();
        bench.text("Hello Grace,").keys("Enter").text("it is fixed since 13:55, please try again.");
    });
}

#[test]
fn review() {
    at_each_size("review", |bench| {
        bench.keys("r").answer();
        bench.text("Hello Grace,").keys("Esc");
    });
}

#[test]
fn palette() {
    at_each_size("palette", |bench| {
        bench.keys(":").text("sta");
    });
}

#[test]
fn help() {
    at_each_size("help", |bench| {
        bench.keys("?");
    });
}

#[test]
fn which_key() {
    at_each_size("which_key", |bench| {
        bench.keys("s");
    });
}

#[test]
fn client_card() {
    at_each_size("client_card", |bench| {
        bench.keys("Enter").answer();
        bench.keys("i");
    });
}

#[test]
fn assigning() {
    at_each_size("assigning", |bench| {
        bench.keys("a");
    });
}

#[test]
fn leaving() {
    at_each_size("leaving", |bench| {
        bench.keys("q");
    });
}

#[test]
fn signs_have_ascii_twins() {
    let mut bench = Bench::new((120, 40), 30);
    bench.keys("r").answer();
    bench.text("plain").keys("Esc");
    let text = drawn_with(&bench, &Theme::built_in("none", true).unwrap());
    let foreign: String = text.chars().filter(|c| !c.is_ascii()).collect();
    let allowed = "田中デルタ食品家族“”👩‍👧👨👦";
    assert!(foreign.chars().all(|c| allowed.contains(c)), "{foreign}");
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    let bench = Bench::new((39, 11), 5);
    assert_eq!(drawn(&bench).trim(), "The desk needs 40 columns and 12 rows.");
}
