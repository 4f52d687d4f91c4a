//! The mouse in what lies over the screens, before them, and in a text being written.

use crate::fixtures::{Bench, ago, row};
use crate::screens::drawn;
use kaygia_desk::app::action::Action;
use kaygia_desk::app::key::{Input, MouseKind};
use kaygia_desk::app::layout::{areas, dialogs, log};
use kaygia_desk::app::overlay::Overlay;
use kaygia_desk::app::overlay::form::{FieldInput, Form};
use kaygia_desk::app::{Effect, Me, Msg, footer, input};
use kaygia_desk::domain::command::Command;
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::user::Role;
use ratatui::layout::Rect;

impl Bench {
    fn mouse(&mut self, kind: MouseKind, x: u16, y: u16) -> &mut Self {
        self.msg(Msg::Input(Input::Mouse { kind, x, y }));
        self.msg(Msg::Drawn);
        self
    }

    fn click(&mut self, x: u16, y: u16) -> &mut Self {
        self.mouse(MouseKind::Press, x, y)
    }

    fn form(&self) -> &Form {
        let Some(Overlay::Form(form)) = &self.state.overlay else { panic!("{:?}", self.state.overlay) };
        form
    }

    /// Where a field of the form stands.
    fn input(&self, label: &str) -> Rect {
        let form = self.form();
        let areas = dialogs::form(&self.state, form);
        let at = areas.fields.iter().find(|area| form.fields[area.field].label == label);
        at.unwrap_or_else(|| panic!("{label} is not on the screen")).input
    }

    fn focused(&self) -> &'static str {
        self.form().fields[self.form().focus].label
    }

    fn field(&self, label: &str) -> String {
        self.form().fields.iter().find(|field| field.label == label).unwrap().text()
    }

    /// Before anybody has signed in.
    fn signed_out(size: (u16, u16)) -> Self {
        let mut bench = Self::new(size, 3);
        bench.keys("t");
        let (req, _) = bench.command();
        let ended = Failure::SignedOut("your session has ended".to_owned());
        bench.msg(Msg::Done { req, result: Err(ended) });
        bench.effects.clear();
        bench
    }
}

#[test]
fn a_click_on_a_field_of_a_form_puts_the_cursor_where_it_was() {
    for size in [(40, 12), (80, 24), (200, 50)] {
        let mut bench = Bench::new(size, 5);
        bench.keys("g b").answer();
        bench.keys("n");
        bench.text("Shop relaunch");
        let title = bench.input("Title");
        bench.click(title.x + 4, title.y).text("!");
        assert_eq!(bench.field("Title"), "Shop! relaunch", "{size:?}");
        bench.click(title.right() - 1, title.y).text("?");
        assert_eq!(bench.field("Title"), "Shop! relaunch?");
        let client = bench.input("Client");
        bench.click(client.x - 5, client.y);
        assert_eq!(bench.focused(), "Client", "its label counts");
    }
}

#[test]
fn a_click_chooses_the_next_of_several_and_on_the_left_sign_the_one_before() {
    let mut bench = Bench::new((80, 24), 5);
    bench.keys("g b").answer();
    bench.keys("n");
    let status = bench.input("Status");
    let first = bench.field("Status");
    bench.click(status.x + 4, status.y);
    assert_eq!(bench.focused(), "Status");
    let second = bench.field("Status");
    assert_ne!(first, second);
    bench.click(status.x, status.y);
    assert_eq!(bench.field("Status"), first);
}

#[test]
fn a_click_takes_a_client_who_fits() {
    let mut bench = Bench::new((80, 24), 5);
    bench.keys("C");
    let client = bench.input("Client");
    bench.click(client.x, client.y).text("a").answer();
    let areas = dialogs::form(&bench.state, bench.form());
    let FieldInput::Client(field) = &bench.form().fields[bench.form().focus].input else { panic!() };
    let wanted = field.matches[1].person.id.clone();
    bench.click(areas.matches.x + 3, areas.matches.y + 1);
    assert_eq!(bench.form().fields[bench.form().focus].chosen_client(), Some(&wanted));
}

#[test]
fn the_wheel_reaches_the_fields_below() {
    let mut bench = Bench::new((40, 12), 5);
    bench.keys("g b").answer();
    bench.keys("n");
    let place = dialogs::form(&bench.state, bench.form()).place;
    let fields = bench.form().fields.len();
    for _ in 0..fields + 3 {
        bench.mouse(MouseKind::WheelDown, place.x + 2, place.y + 2);
    }
    assert_eq!(bench.form().focus, fields - 1, "it stays at the last");
    for _ in 0..fields + 3 {
        bench.mouse(MouseKind::WheelUp, place.x + 2, place.y + 2);
    }
    assert_eq!(bench.form().focus, 0);
}

#[test]
fn a_long_text_takes_the_cursor_where_it_is_clicked() {
    let mut bench = Bench::new((80, 24), 5);
    bench.keys("C");
    let text = bench.input("Description");
    bench.click(text.x, text.y).text("one").keys("Enter").text("two").keys("Enter").text("three");
    bench.click(text.x + 1, text.y + 1).text("_");
    assert_eq!(bench.field("Description"), "one\nt_wo\nthree");
    bench.mouse(MouseKind::WheelUp, text.x, text.y).text("_");
    assert_eq!(bench.field("Description"), "on_e\nt_wo\nthree");
}

#[test]
fn nothing_beneath_a_dialog_is_clicked_or_moved() {
    let mut bench = Bench::new((120, 40), 30);
    let open: [&[&str]; 7] = [&["C"], &["a"], &[":"], &["?"], &["H"], &["/"], &["q"]];
    for keys in open {
        let (tab, cursor) = (bench.state.tab, bench.state.queue.cursor);
        for key in keys {
            bench.key(key);
        }
        bench.answer();
        assert!(bench.state.overlay.is_some(), "{keys:?}");
        for (x, y) in [(2, 4), (2, 38), (24, 0), (118, 20)] {
            for kind in [MouseKind::WheelDown, MouseKind::WheelDown, MouseKind::Press] {
                bench.mouse(kind, x, y);
            }
        }
        assert!(bench.state.overlay.is_some(), "{keys:?} is closed by a click beside it");
        assert_eq!((bench.state.tab, bench.state.queue.cursor), (tab, cursor), "{keys:?}");
        assert!(bench.commands().is_empty());
        bench.state.overlay = None;
    }
}

#[test]
fn a_list_is_chosen_from_inside_its_box_only() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("a").answer();
    let place = kaygia_desk::app::layout::list_box((120, 40), 56, 3, 12);
    bench.click(place.x - 2, place.y + 3);
    assert!(bench.commands().is_empty());
    bench.click(place.x + 3, place.y + 4);
    assert!(bench.commands().iter().any(|(_, command)| matches!(command, Command::Assign { .. })));
}

#[test]
fn yes_and_no_are_buttons() {
    let mut bench = Bench::new((80, 24), 5);
    let buttons = |bench: &Bench| {
        let Some(Overlay::Confirm(confirm)) = &bench.state.overlay else { panic!() };
        dialogs::confirm(bench.state.size, &bench.state.keymap, &confirm.question).1
    };
    bench.key("q");
    let [_, no] = buttons(&bench);
    bench.click(no.place.x, no.place.y);
    assert!(bench.state.overlay.is_none() && !bench.effects.iter().any(|e| matches!(e, Effect::Quit)));
    bench.key("q");
    let [yes, _] = buttons(&bench);
    bench.click(yes.place.right() - 1, yes.place.y);
    assert!(bench.effects.iter().any(|e| matches!(e, Effect::Quit)));
}

#[test]
fn the_keys_of_the_bar_before_sending_are_buttons() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("Enter").answer();
    bench.keys("r").text("Hello").keys("Esc");
    bench.commands();
    let hint = |bench: &Bench, action: Action| {
        let hints = footer::hints(&bench.state, footer::room(&bench.state));
        hints.into_iter().find(|hint| hint.action == action).unwrap()
    };
    // A chord is begun by a click, and ended by one on the box of the keys that may follow.
    let status = footer::hints(&bench.state, 120).into_iter().find(|hint| hint.prefix.is_some()).unwrap();
    bench.click(status.x, 39);
    let rest = input::followers(&bench.state);
    let at = rest.iter().position(|(_, action)| *action == Action::StatusResolved).unwrap();
    let (_, lines) = dialogs::which_key((120, 40), rest.len());
    bench.click(lines[at].x + 3, lines[at].y);
    assert_eq!(bench.state.composer.as_ref().unwrap().status_after.as_str(), "RESOLVED");
    let send = hint(&bench, Action::ReviewSend);
    bench.click(send.x, 39);
    assert!(bench.commands().iter().any(|(_, command)| matches!(command, Command::Reply { .. })));
}

#[test]
fn a_click_in_the_reply_puts_the_cursor_there_and_leaves_the_bar() {
    let mut bench = Bench::new((120, 40), 5);
    bench.keys("Enter").answer();
    bench.keys("r").text("Hello").keys("Enter").text("Ada");
    let text = dialogs::composer_text(areas(&bench.state).composer);
    bench.click(text.x + 5, text.y + 1).text(",");
    assert_eq!(bench.state.composer.as_ref().unwrap().editor.text(), "Hello,\nAda");
    bench.keys("Esc").click(text.x, text.y + 1);
    assert!(bench.state.composer.as_ref().unwrap().review.is_none(), "writing goes on");
    let before = bench.state.queue.cursor;
    bench.mouse(MouseKind::WheelDown, 5, 8).click(5, 8);
    assert_eq!(bench.state.queue.cursor, before, "the list waits for the reply");
}

#[test]
fn a_click_hits_the_hint_that_is_drawn_also_beside_a_long_message() {
    let mut bench = Bench::new((80, 24), 5);
    bench.msg(Msg::Notice("something to read that takes about half of the line".to_owned()));
    let line = drawn(&bench).lines().last().unwrap().to_owned();
    let hints = footer::hints(&bench.state, footer::room(&bench.state));
    assert!(!hints.is_empty());
    for hint in &hints {
        let shown: String = line.chars().skip(hint.x.into()).take(hint.key.chars().count()).collect();
        assert_eq!(shown, hint.key, "{line}");
    }
    let end = hints.iter().map(|hint| hint.x + hint.width()).max().unwrap();
    for x in end..80 {
        bench.click(x, 23);
    }
    assert!(bench.state.overlay.is_none() && bench.state.pending.is_empty(), "the message is no button");
}

#[test]
fn the_sign_in_screen_takes_clicks() {
    let mut bench = Bench::signed_out((80, 24));
    let (_, [email, password]) = dialogs::sign_in((80, 24));
    bench.click(email.x, email.y).text("ada@example.test");
    bench.click(password.x - 4, password.y).text("secret");
    bench.click(email.x + 3, email.y).text("+desk");
    assert_eq!(bench.state.sign_in.email.text(), "ada+desk@example.test");
    assert_eq!(bench.state.sign_in.password.text(), "secret");
    let room = footer::room(&bench.state);
    let code = footer::hints(&bench.state, room).into_iter().find(|it| it.action == Action::SignInCode);
    bench.click(code.unwrap().x, 23);
    let (_, [_, _, again]) = dialogs::redeem((80, 24));
    bench.click(again.x + 2, again.y);
    assert_eq!(bench.state.redeem.as_ref().unwrap().focus, 2);
}

#[test]
fn the_locked_screen_takes_its_own_buttons_and_nothing_else() {
    let mut bench = Bench::new((80, 24), 5);
    bench.keys("g l").text("correct horse");
    for y in 0..23 {
        bench.click(20, y);
    }
    assert!(bench.commands().is_empty());
    let unlock = footer::hints(&bench.state, 80).into_iter().find(|it| it.action == Action::Unlock).unwrap();
    bench.click(unlock.x, 23);
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::Unlock { .. })));
}

#[test]
fn a_click_in_the_log_marks_a_line_and_a_second_one_tells_all() {
    let mut bench = Bench::new((120, 40), 5);
    bench.msg(Msg::SignedIn(Ok(Me {
        id: row(0).client.id,
        name: row(0).client.name,
        role: Role::SuperAdmin,
    })));
    bench.answer();
    bench.keys("g e").answer();
    let (_, rows, _) = log((120, 40), false);
    bench.click(rows.x + 3, rows.y + 2);
    let shown = |bench: &Bench| {
        let Some(Overlay::Log(log)) = &bench.state.overlay else { panic!() };
        (log.cursor.selected, log.details)
    };
    assert_eq!(shown(&bench), (2, false));
    bench.click(rows.x + 3, rows.y + 2);
    assert_eq!(shown(&bench), (2, true));
    assert!(ago(1) < bench.now);
}

#[test]
fn all_keys_that_may_follow_have_a_place_also_on_the_smallest_screen() {
    for (size, role) in [((40, 12), Role::SuperAdmin), ((80, 24), Role::SuperAdmin), ((40, 12), Role::Admin)]
    {
        let mut bench = Bench::new(size, 5);
        bench.msg(Msg::SignedIn(Ok(Me { id: row(0).client.id, name: row(0).client.name, role })));
        bench.keys("g");
        let rest = input::followers(&bench.state);
        let (place, lines) = dialogs::which_key(size, rest.len());
        assert_eq!(lines.len(), rest.len(), "{size:?}");
        assert!(lines.iter().all(|line| place.intersection(*line) == *line));
        let shown = drawn(&bench);
        assert!(shown.contains("Lock") && shown.contains("Boards"), "{shown}");
        let at = rest.iter().position(|(_, action)| *action == Action::Lock).unwrap();
        bench.click(lines[at].x + 1, lines[at].y);
        assert!(bench.state.sitting.locked());
    }
}

#[test]
fn the_page_of_help_cuts_no_word_on_the_smallest_screen() {
    let mut bench = Bench::new((40, 12), 5);
    bench.keys("?");
    let first = drawn(&bench);
    assert!(!first.contains('…'), "{first}");
    for _ in 0..40 {
        bench.keys("PgDn");
        let page = drawn(&bench);
        let inside = page.lines().skip(1).take(8).collect::<Vec<_>>().join("\n");
        assert!(!inside.contains('…'), "{page}");
    }
}
