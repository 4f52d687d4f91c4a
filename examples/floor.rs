//! The floor: the least that any program on the same ratatui does for a key.
//!
//! A list of 10,000 made-up tickets of which a screenful is drawn, the text of the one under the cursor beside it,
//! and a status line. No database, no runtime, no thread. `cargo bench --bench figures` measures the desk against it
//! in the same run. Keys: `j` and `k`, PageDown and PageUp, `g` and `G`, `q`.

use std::io;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Stylize;
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table, TableState, Wrap};
use ratatui::{Frame, style::Style};

const TICKETS: usize = 10_000;
/// How far a page goes: the rows of 120x40.
const PAGE: usize = 36;

struct Ticket {
    number: String,
    status: &'static str,
    client: String,
    subject: String,
    age: String,
}

fn main() -> io::Result<()> {
    run()
}

/// Draws, waits for a key, draws again.
pub fn run() -> io::Result<()> {
    let tickets: Vec<Ticket> = (0..TICKETS).map(ticket).collect();
    let mut terminal = ratatui::try_init()?;
    let mut selected = 0;
    let outcome = loop {
        if let Err(error) = terminal.draw(|frame| draw(frame, &tickets, selected)) {
            break Err(error);
        }
        match event::read() {
            Ok(Event::Key(key)) if key.kind == KeyEventKind::Press => match step(key.code, selected) {
                Some(next) => selected = next,
                None => break Ok(()),
            },
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    ratatui::restore();
    outcome
}

/// Where a key leads; nowhere means out.
fn step(key: KeyCode, selected: usize) -> Option<usize> {
    let to = match key {
        KeyCode::Char('q') => return None,
        KeyCode::Char('j') => selected + 1,
        KeyCode::Char('k') => selected.saturating_sub(1),
        KeyCode::PageDown => selected + PAGE,
        KeyCode::PageUp => selected.saturating_sub(PAGE),
        KeyCode::Char('g') => 0,
        KeyCode::Char('G') => TICKETS,
        _ => selected,
    };
    Some(to.min(TICKETS - 1))
}

fn ticket(at: usize) -> Ticket {
    Ticket {
        number: format!("TKT-{at:07}"),
        status: if at.is_multiple_of(2) { "OPEN" } else { "PENDING" },
        client: format!("Client {}", at % 97),
        subject: format!("subject number {at} with some words in it"),
        age: format!("{}h", at % 240),
    }
}

fn draw(frame: &mut Frame<'_>, tickets: &[Ticket], selected: usize) {
    let rows = Layout::vertical([Constraint::Length(1), Constraint::Min(5), Constraint::Length(1)]);
    let [header, body, footer] = rows.areas(frame.area());
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(65), Constraint::Percentage(35)]).areas(body);
    frame.render_widget(Line::from("Floor READY").bold(), header);
    list(frame, tickets, selected, left);
    let ticket = &tickets[selected];
    let text = format!(
        "{}\n\n{}\n\nThe first message of ticket {selected}: a paragraph that wraps over a few lines of its pane, \
         as that of a real ticket would.",
        ticket.subject, ticket.client
    );
    let pane = Block::bordered().title(ticket.number.as_str());
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }).block(pane), right);
    frame.render_widget(Line::from(format!("{}/{TICKETS}", selected + 1)), footer);
}

fn list(frame: &mut Frame<'_>, tickets: &[Ticket], selected: usize, area: Rect) {
    let height = usize::from(area.height.saturating_sub(2)).max(1);
    let first = selected / height * height;
    let shown = tickets.iter().skip(first).take(height).map(|ticket| {
        let Ticket { number, status, subject, client, age } = ticket;
        Row::new([number.as_str(), status, subject, client, age].map(Cell::from))
    });
    let widths = [
        Constraint::Length(12),
        Constraint::Length(8),
        Constraint::Min(20),
        Constraint::Length(12),
        Constraint::Length(6),
    ];
    let table = Table::new(shown, widths)
        .block(Block::bordered().title("Queue"))
        .row_highlight_style(Style::new().reversed());
    let mut state = TableState::new().with_selected(selected - first);
    frame.render_stateful_widget(table, area, &mut state);
}
