//! Boards, clients and forms as they are drawn, at four sizes. Snapshots that somebody has looked at.

use crate::fixtures::Bench;
use crate::screens::{drawn, drawn_with};
use kaygia_desk::ui;
use kaygia_desk::ui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::time::Duration;

const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 50)];

fn at_each_size(name: &str, steps: impl Fn(&mut Bench)) {
    for size in SIZES {
        let mut bench = Bench::new(size, 30);
        steps(&mut bench);
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), drawn(&bench));
    }
}

#[test]
fn board() {
    at_each_size("board", |bench| {
        bench.keys("g b").answer();
        bench.keys("l l j");
    });
}

#[test]
fn board_at_its_right_end() {
    at_each_size("board_end", |bench| {
        bench.keys("g b").answer();
        bench.keys("l l l l j j j l").answer();
    });
}

#[test]
fn board_filtered() {
    at_each_size("board_filtered", |bench| {
        bench.keys("g b").answer();
        bench.keys("/").text("acme").keys("Enter");
        bench.pass(Duration::from_millis(200)).answer();
    });
}

#[test]
fn project() {
    at_each_size("project", |bench| {
        bench.keys("g b").answer();
        bench.keys("l l Enter").answer();
    });
}

#[test]
fn new_project() {
    at_each_size("new_project", |bench| {
        bench.keys("g b").answer();
        bench.keys("n").text("Shop in Welsh").keys("Tab").answer();
        bench.text("el").answer();
    });
}

#[test]
fn edit_project() {
    at_each_size("edit_project", |bench| {
        bench.keys("g b").answer();
        bench.keys("l l e").answer();
        bench.keys("Tab Tab Tab Tab Tab Tab").keys("Ctrl-u").text("2026-13-01").keys("Ctrl-o");
    });
}

#[test]
fn new_ticket() {
    at_each_size("new_ticket", |bench| {
        bench.keys("C Tab").text("What the client asks for, in many words.");
    });
}

#[test]
fn clients() {
    at_each_size("clients", |bench| {
        bench.keys("g c").answer();
        bench.keys("j").pass(Duration::from_millis(100)).answer();
    });
}

#[test]
fn finding_a_client() {
    at_each_size("clients_find", |bench| {
        bench.keys("g c").answer();
        bench.keys("/").text("el");
        bench.pass(Duration::from_millis(100)).answer();
    });
}

#[test]
fn client() {
    at_each_size("client", |bench| {
        bench.keys("g c").answer();
        bench.keys("Enter").answer();
        bench.keys("j j");
    });
}

#[test]
fn empty_screens_say_what_to_do_next() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("g b").answer();
    bench.keys("/").text("no such thing").keys("Enter");
    bench.pass(Duration::from_millis(200)).answer();
    assert!(drawn(&bench).contains("No project fits. / filters again, q shows all."));
    bench.keys("g c").answer();
    bench.keys("/").text("no such thing").keys("Enter");
    bench.pass(Duration::from_millis(200)).answer();
    assert!(drawn(&bench).contains("No client fits “no such thing”. / searches again"));
}

#[test]
fn the_signs_of_the_boards_have_ascii_twins() {
    for (width, height) in SIZES {
        let mut bench = Bench::new((width, height), 5);
        let theme = Theme::built_in("none", true).unwrap();
        let foreign = |bench: &Bench| -> String {
            let allowed = "田中デルタ食品家族“”👩👧👨👦オンラインショップの刷新出荷は12月から。£\u{200d}";
            drawn_with(bench, &theme).chars().filter(|c| !c.is_ascii() && !allowed.contains(*c)).collect()
        };
        bench.keys("g b").answer();
        bench.keys("l l");
        assert_eq!(foreign(&bench), "");
        bench.keys("Enter").answer();
        assert_eq!(foreign(&bench), "");
        bench.keys("e").answer();
        bench.keys("Tab Tab");
        assert_eq!(foreign(&bench), "");
        bench.keys("Esc Esc g c").answer();
        bench.keys("Enter").answer();
        assert_eq!(foreign(&bench), "");
    }
}

fn style_of(bench: &Bench, theme: &Theme, text: &str) -> Style {
    let (width, height) = bench.state.size;
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    ui::paint(&bench.state, theme, &mut buffer, area);
    let wanted: Vec<String> = text.chars().map(String::from).collect();
    let start = area.positions().find(|at| {
        wanted
            .iter()
            .zip(at.x..)
            .all(|(symbol, x)| buffer.cell((x, at.y)).is_some_and(|cell| cell.symbol() == symbol))
    });
    buffer[start.unwrap_or_else(|| panic!("{text} is not on the screen"))].style()
}

#[test]
fn what_a_card_means_has_its_own_style() {
    for name in ["dark", "light", "16", "none"] {
        let theme = Theme::built_in(name, false).unwrap();
        let mut bench = Bench::new((120, 40), 5);
        bench.keys("g b").answer();
        let is = |text: &str, wanted: Style| {
            let style = style_of(&bench, &theme, text);
            assert!(
                (style.fg, style.add_modifier) == (wanted.fg.or(style.fg), wanted.add_modifier),
                "{name}: {text}"
            );
        };
        is("ended 2 Nov", theme.danger);
        is("ends 30 Nov", theme.muted);
        is("Booking portal", theme.strong);
        is("Print campaign", theme.muted);
        is("Pending", theme.tab);
        is("▌", theme.accent.patch(theme.selection));
    }
}
