//! Accounts: keys in, effects and state out.

use crate::fixtures::{Bench, NOW, ada};
use crate::fixtures_accounts::staff;
use kaygia_desk::app::key::{Input, MouseKind};
use kaygia_desk::app::overlay::Overlay;
use kaygia_desk::app::screen::{Tab, staff as pane};
use kaygia_desk::app::{Effect, Msg};
use kaygia_desk::domain::account::{AccountChange, ClientTexts};
use kaygia_desk::domain::change::Change as Changed;
use kaygia_desk::domain::command::{Change, Command, Done};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{EventId, UserId};
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::domain::session::Which;
use kaygia_desk::domain::token::TokenKind;
use kaygia_desk::domain::user::Role;
use std::time::Duration;

fn bench_as(role: Role, keys: &str) -> Bench {
    let mut bench = Bench::new((120, 40), 5);
    bench.state.me.as_mut().unwrap().role = role;
    bench.keys(keys).answer();
    bench.effects.clear();
    bench
}

fn told(bench: &Bench) -> String {
    bench.state.toasts.current().map(|toast| toast.text.clone()).unwrap_or_default()
}

fn queries(bench: &Bench) -> Vec<Query> {
    let fetches = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Fetch { query, .. } => Some(query.clone()),
        _ => None,
    });
    fetches.collect()
}

/// The question on the screen, if there is one.
fn question(bench: &Bench) -> String {
    match &bench.state.overlay {
        Some(Overlay::Confirm(confirm)) => confirm.question.clone(),
        _ => String::new(),
    }
}

fn form_error(bench: &Bench) -> String {
    match &bench.state.overlay {
        Some(Overlay::Form(form)) => form.error.as_ref().map(|(_, why)| why.clone()).unwrap_or_default(),
        _ => "no form".to_owned(),
    }
}

#[test]
fn an_admin_has_clients_and_no_staff() {
    let mut bench = bench_as(Role::Admin, "g c");
    bench.keys("g t");
    assert_eq!(bench.state.tab, Tab::Clients);
    for key in ["s", "X"] {
        bench.keys(key);
        assert_eq!(told(&bench), "only a super administrator does this");
        assert!(bench.state.overlay.is_none() && bench.commands().is_empty());
    }
    bench.keys("e");
    assert!(matches!(bench.state.overlay, Some(Overlay::Form(_))));
}

#[test]
fn a_new_client_gets_a_code_at_once() {
    let mut bench = bench_as(Role::Admin, "g c");
    bench.keys("a").text("Mary Shelley").keys("Tab").text(" mary@x.example ").keys("Ctrl-o");
    let (req, command) = bench.command();
    let Command::CreateUser { user, fields } = command else { panic!("{command:?}") };
    assert_eq!(
        (fields.name.as_str(), fields.email.as_str(), &fields.company, &fields.role),
        ("Mary Shelley", "mary@x.example", &None, &Role::Client)
    );
    bench.msg(Msg::Done { req, result: Ok(Done { event: Some(EventId(1)), ..Done::default() }) });
    let (_, command) = bench.command();
    assert_eq!(command, Command::IssueToken { user, kind: TokenKind::EmailVerification });
    assert!(bench.state.overlay.is_none());
}

#[test]
fn an_address_that_is_taken_is_told_in_the_form() {
    let mut bench = bench_as(Role::Admin, "g c");
    bench.keys("a").text("Mary").keys("Tab").text("mary@x.example").keys("Ctrl-o");
    let (req, _) = bench.command();
    bench.msg(Msg::Done { req, result: Err(Failure::Invalid("taken".to_owned())) });
    assert_eq!(form_error(&bench), "taken");
}

#[test]
fn an_edit_sends_what_was_touched_and_can_be_taken_back() {
    let mut bench = bench_as(Role::Admin, "g c");
    let person = bench.state.clients.person().unwrap().clone();
    bench.keys("e Tab Tab").keys("Ctrl-u").text("Acme Global").keys("Ctrl-o");
    let (req, command) = bench.command();
    let change = Change::new(Some(person.company.raw().to_owned()), Some("Acme Global".to_owned()));
    let edit = Command::EditUser { user: person.id.clone(), changes: vec![AccountChange::Company(change)] };
    assert_eq!(command, edit);
    bench.msg(Msg::Done { req, result: Ok(Done { event: Some(EventId(7)), ..Done::default() }) });
    bench.keys("z");
    assert_eq!(bench.command().1, edit.inverse().unwrap());
}

#[test]
fn switching_off_is_asked_and_switching_on_is_not() {
    let mut bench = bench_as(Role::Admin, "g c");
    bench.keys("d");
    assert!(question(&bench).contains("Nothing is deleted"), "{}", question(&bench));
    assert!(bench.commands().is_empty());
    bench.msg(Msg::Drawn);
    bench.keys("y");
    let (req, command) = bench.command();
    let user = bench.state.clients.person().unwrap().id.clone();
    assert_eq!(command, Command::SetActive { user: user.clone(), change: Change::new(true, false) });
    bench.msg(Msg::Done { req, result: Ok(Done { event: Some(EventId(3)), ..Done::default() }) });
    bench.keys("z");
    assert_eq!(bench.command().1, Command::SetActive { user, change: Change::new(false, true) });
}

#[test]
fn a_role_is_picked_and_asked() {
    let mut bench = bench_as(Role::SuperAdmin, "g t");
    bench.keys("j j s").keys("Down Enter");
    assert!(question(&bench).starts_with("Make Emmy Noether SUPER_ADMIN?"), "{}", question(&bench));
    bench.msg(Msg::Drawn);
    bench.keys("y");
    let change = Change::new(Role::Admin, Role::SuperAdmin);
    assert_eq!(bench.command().1, Command::SetRole { user: UserId::new("emmy"), change });
}

#[test]
fn sessions_of_a_colleague_end_after_a_question() {
    let mut bench = bench_as(Role::SuperAdmin, "g t");
    bench.keys("j E");
    assert!(question(&bench).starts_with("End all sessions of Alan Turing?"), "{}", question(&bench));
    bench.msg(Msg::Drawn);
    bench.keys("y");
    let user = UserId::new("alan");
    assert_eq!(bench.command().1, Command::EndSessions { user, which: Which::All });
}

#[test]
fn nobody_locks_himself_out_and_the_keys_say_so() {
    let mut bench = bench_as(Role::SuperAdmin, "g t");
    assert_eq!(bench.state.staff_pane.selected().unwrap().person.id, ada().id);
    for (key, why) in [
        ("d", "nobody switches off their own account: ask a super administrator"),
        ("s", "nobody changes their own role: ask another super administrator"),
        ("X", "nobody erases their own account: ask another super administrator"),
    ] {
        bench.keys(key);
        assert_eq!(told(&bench), why);
    }
    bench.keys("G d");
    assert_eq!(told(&bench), "this account is erased: nothing of it can be changed");
    assert!(bench.commands().is_empty() && bench.state.overlay.is_none());
}

#[test]
fn an_erasure_needs_the_address_typed_and_can_not_be_taken_back() {
    let mut bench = bench_as(Role::SuperAdmin, "g c");
    let person = bench.state.clients.person().unwrap().clone();
    bench.keys("X");
    assert_eq!(queries(&bench), [Query::Erasure(person.id.clone())]);
    bench.answer();
    bench.text("somebody@else.example").keys("Ctrl-o");
    assert_eq!(form_error(&bench), "this is not their e-mail address");
    bench.keys("Ctrl-u").text(person.email.as_str()).keys("Tab Right Ctrl-o");
    let (req, command) = bench.command();
    let Command::EraseUser(erasure) = &command else { panic!("{command:?}") };
    assert_eq!((&erasure.user, erasure.texts), (&person.id, ClientTexts::Erase));
    bench.msg(Msg::Done { req, result: Ok(Done { event: Some(EventId(9)), ..Done::default() }) });
    bench.keys("z");
    assert_eq!(told(&bench), "what is erased is gone");
}

#[test]
fn a_password_is_checked_before_it_is_sent_and_never_shown() {
    let mut bench = bench_as(Role::Admin, "g w");
    let mut wrong = |old: &str, new: &str, again: &str| {
        bench.state.overlay = None;
        bench.keys("g w");
        bench.text(old).keys("Tab").text(new).keys("Tab").text(again).keys("Ctrl-o");
        assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::ChangePassword { .. })));
        form_error(&bench)
    };
    let good = "a boat under a paper moon";
    assert_eq!(wrong("", good, good), "type the password that you have now");
    assert!(wrong("old one here", "short", "short").starts_with("the password is too short"));
    assert!(wrong("old one here", "password1234", "password1234").starts_with("the password is among the"));
    assert!(
        wrong("old one here", "Ada Lovelace 1", "Ada Lovelace 1").starts_with("the password is little more")
    );
    assert_eq!(wrong(good, good, good), "the new password is the old one");
    assert_eq!(wrong("old one here", good, "another boat"), "the two new passwords differ");
    bench.keys("Ctrl-u").text(good).keys("Ctrl-o");
    let sent = bench.effects.iter().find_map(|effect| match effect {
        Effect::ChangePassword { req, .. } => Some(*req),
        _ => None,
    });
    let debug = format!("{:?} {:?}", bench.state.overlay, bench.effects);
    assert!(!debug.contains("boat") && !debug.contains("old one"), "{debug}");
    bench.msg(Msg::Done { req: sent.unwrap(), result: Ok(Done::default()) });
    assert!(bench.state.overlay.is_none());
    assert_eq!(told(&bench), "your password is changed; your other sessions have ended");
}

#[test]
fn my_account_is_my_name_and_company() {
    let mut bench = bench_as(Role::Admin, "g a");
    let Some(Overlay::Form(form)) = &bench.state.overlay else { panic!("{:?}", bench.state.overlay) };
    assert_eq!(form.fields.iter().map(|field| field.label).collect::<Vec<_>>(), ["Name", "Company"]);
    bench.keys("Ctrl-u").text("Ada King").keys("Ctrl-o");
    let (req, command) = bench.command();
    let name = Change::new(Some("Ada Lovelace".to_owned()), Some("Ada King".to_owned()));
    assert_eq!(command, Command::EditUser { user: ada().id, changes: vec![AccountChange::Name(name)] });
    bench.msg(Msg::Done { req, result: Ok(Done::default()) });
    assert_eq!(bench.state.me.as_ref().unwrap().name.as_str(), "Ada King");
}

#[test]
fn the_staff_is_read_again_when_somebody_changes_and_the_cursor_stays() {
    let mut bench = bench_as(Role::SuperAdmin, "g t");
    bench.keys("j j");
    bench.pass(Duration::from_secs(2));
    bench.effects.clear();
    bench.msg(Msg::Changed(vec![Changed::User(UserId::new("kurt"), 9)]));
    bench.pass(Duration::from_secs(1));
    assert!(queries(&bench).contains(&Query::StaffAccounts), "{:?}", queries(&bench));
    let req = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Fetch { req, query: Query::StaffAccounts } => Some(*req),
        _ => None,
    });
    let fewer = staff().into_iter().skip(1).collect();
    bench.reply(req.unwrap(), Answer::StaffAccounts(fewer));
    assert_eq!(bench.state.staff_pane.selected().unwrap().person.id.as_str(), "emmy");
    assert_eq!(bench.state.staff_pane.cursor.selected, 1);
    assert!(NOW < bench.now);
}

#[test]
fn the_mouse_chooses_a_row_and_opens_it() {
    let mut bench = bench_as(Role::SuperAdmin, "g t");
    let (_, rows) = pane::areas(&bench.state);
    let press = Input::Mouse { kind: MouseKind::Press, x: rows.x + 3, y: rows.y + 2 };
    bench.msg(Msg::Input(press.clone()));
    assert_eq!(bench.state.staff_pane.cursor.selected, 2);
    assert!(bench.state.overlay.is_none());
    bench.msg(Msg::Input(press));
    assert!(matches!(bench.state.overlay, Some(Overlay::Form(_))));
}
