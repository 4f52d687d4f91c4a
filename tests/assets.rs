//! Generated documents are committed and compared. `UPDATE_ASSETS=1 cargo test --test all assets` makes
//! them anew.

use crate::fixtures::Bench;
use kaygia_desk::app::action::{Context, TABLE};
use kaygia_desk::app::wrap;
use kaygia_desk::ui;
use kaygia_desk::ui::theme::Theme;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use std::fmt::Write as _;
use std::path::Path;

fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets").join(name);
    if std::env::var_os("UPDATE_ASSETS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "assets/{name} is out of date: UPDATE_ASSETS=1 cargo test --test all assets");
}

#[test]
fn the_key_reference_is_what_the_table_says() {
    let mut text = String::from(
        "# Keys\n\nPrinted from the table of actions. `[keys]` in the config file changes them: \
         `\"ticket.take\" = [\"T\"]`.\n",
    );
    let mut group = "";
    for row in TABLE {
        if row.group != group {
            group = row.group;
            let _ = write!(text, "\n## {group}\n\n| keys | where | name | what |\n|---|---|---|---|\n");
        }
        let mut keys: Vec<String> = Vec::new();
        let mut places: Vec<String> = Vec::new();
        for (context, chord) in row.chords() {
            let chord = format!("`{}`", chord.to_string().replace('|', "\\|"));
            if !keys.contains(&chord) {
                keys.push(chord);
            }
            let place = place(context).to_owned();
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let _ =
            writeln!(text, "| {} | {} | `{}` | {} |", keys.join(" "), places.join(", "), row.name, row.help);
    }
    compare("keys.md", &text);
}

fn place(context: Context) -> &'static str {
    match context {
        Context::Always => "everywhere",
        Context::Desk => "desk",
        Context::Move => "lists",
        Context::Queue => "queue",
        Context::Thread => "thread",
        Context::Ticket => "queue and thread",
        Context::Composer => "composer",
        Context::Review => "review bar",
        Context::Board => "board",
        Context::Project => "project",
        Context::Clients => "clients",
        Context::Profile => "client",
        Context::Staff => "staff",
        Context::Picker => "palette, pickers",
        Context::Help => "help",
        Context::Log => "history, log",
        Context::Confirm => "questions",
        Context::Form => "forms",
        Context::Prompt => "search line",
        Context::SignIn => "sign-in",
        Context::Redeem => "code",
        Context::Code => "code to hand over",
        Context::Lock => "locked",
    }
}

#[test]
fn the_picture_is_what_the_desk_draws() {
    let mut bench = Bench::new((120, 30), 22);
    bench.keys("Enter").answer();
    let theme = Theme::built_in("dark", false).unwrap();
    let area = Rect::new(0, 0, 120, 30);
    let mut buffer = Buffer::empty(area);
    ui::paint(&bench.state, &theme, &mut buffer, area);
    compare("screen.svg", &svg(&buffer));
}

const CELL: (f32, f32) = (8.4, 18.0);
const GROUND: &str = "#16181d";
const INK: &str = "#d7dae0";

/// A buffer as a picture: one rectangle per run of ground, one text per run of style.
fn svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (width, height) = (f32::from(area.width) * CELL.0, f32::from(area.height) * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace,Menlo,Consolas,monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{GROUND}\"/>\n"
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let cell = &buffer[(x, y)];
            let (start, mut text) = (x, String::new());
            while x < area.width && same(cell, &buffer[(x, y)]) {
                let symbol = buffer[(x, y)].symbol();
                text.push_str(symbol);
                x += wrap::width(symbol).max(1) as u16;
            }
            run(&mut out, cell, (start, y), x - start, &text);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn same(a: &Cell, b: &Cell) -> bool {
    a.fg == b.fg && a.bg == b.bg && a.modifier == b.modifier
}

fn run(out: &mut String, cell: &Cell, at: (u16, u16), columns: u16, text: &str) {
    let (x, y) = (f32::from(at.0) * CELL.0, f32::from(at.1) * CELL.1);
    let width = f32::from(columns) * CELL.0;
    if cell.bg != Color::Reset {
        let fill = colour(cell.bg, GROUND);
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{}\" fill=\"{fill}\"/>",
            CELL.1
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let fill = colour(cell.fg, INK);
    let weight = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    // Word by word, so that a font of another width or without a glyph shifts nothing that follows.
    let mut column = 0;
    for part in text.split_inclusive(' ') {
        let (word, wide) = (part.trim_end(), wrap::width(part) as u16);
        if !word.is_empty() {
            let safe = word.replace('&', "&amp;").replace('<', "&lt;");
            let left = x + f32::from(column) * CELL.0;
            let base = y + 13.5;
            let _ =
                writeln!(out, "<text x=\"{left:.1}\" y=\"{base:.1}\" fill=\"{fill}\"{weight}>{safe}</text>");
        }
        column += wide;
    }
}

fn colour(colour: Color, default: &str) -> String {
    match colour {
        Color::Indexed(n @ 16..=231) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = n - 16;
            format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        Color::Indexed(n @ 232..) => {
            let grey = 8 + 10 * (n - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
        _ => default.to_owned(),
    }
}
