//! The form of a project: keys in, commands out.

use crate::app_boards::{asked, boards, done, refused, selected, toast};
use crate::fixtures::Bench;
use crate::fixtures_boards::{all_cards, columns, project, project_card};
use kaygia_desk::app::overlay::Overlay;
use kaygia_desk::app::overlay::form::Form;
use kaygia_desk::app::{Effect, Msg};
use kaygia_desk::domain::command::{Change, Command, ProjectChange};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{ProjectId, UserId};
use kaygia_desk::domain::money::Budget;
use kaygia_desk::domain::project::{ProjectCard, ProjectStatus, ProjectType};
use kaygia_desk::domain::query::{Answer, Query};
use kaygia_desk::domain::safe_text::SafeText;
use kaygia_desk::domain::time::{Timestamp, date_to_timestamp};

fn form(bench: &Bench) -> &Form {
    match &bench.state.overlay {
        Some(Overlay::Form(form)) => form,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_edit_sends_only_what_was_changed_with_what_was_seen() {
    let mut bench = boards();
    bench.keys("l l j e").answer();
    assert_eq!(form(&bench).title, "Edit Shop relaunch");
    bench.text(" 2").keys("Tab Tab Right Tab Tab Ctrl-u").text("£1,200.50");
    bench.keys("Tab Tab Ctrl-u Ctrl-o");
    let seen = project(&ProjectId::new("p08")).unwrap();
    let expected = vec![
        ProjectChange::Title(Change::new("Shop relaunch".to_owned(), "Shop relaunch 2".to_owned())),
        ProjectChange::Kind(Change::new(seen.card.kind.clone(), ProjectType::Website)),
        ProjectChange::Budget(Change::new(seen.card.budget, Some(Budget::new(1200.5)))),
        ProjectChange::EndDate(Change::new(seen.card.end_date, None)),
    ];
    let (req, command) = bench.command();
    assert_eq!(command, Command::EditProject { project: ProjectId::new("p08"), changes: expected });
    assert_eq!(
        bench.state.board.columns.find(&ProjectId::new("p08")).unwrap().title.as_str(),
        "Shop relaunch 2"
    );
    done(&mut bench, req);
    assert!(bench.state.overlay.is_none());
    assert_eq!(selected(&bench), "p08");
}

#[test]
fn odd_values_that_were_not_touched_are_neither_checked_nor_sent() {
    let mut bench = boards();
    bench.keys("l l j e");
    let Some(Effect::Fetch { req, .. }) = bench.effects.last() else { panic!("{:?}", bench.effects) };
    let req = *req;
    let mut odd = project(&ProjectId::new("p08")).unwrap();
    odd.card.title = SafeText::new("a\u{202e}b\r\nc");
    odd.card.budget = Some(Budget::new(f32::NAN));
    odd.card.start_date = Some(Timestamp::from_micros(i64::MAX));
    odd.card.end_date = Some(Timestamp::from_micros(1));
    odd.card.kind = ProjectType::Unknown("HOLOGRAM".into());
    odd.requirements = Some(SafeText::new("  \r\n"));
    bench.reply(req, Answer::Project(Some(Box::new(odd.clone()))));
    bench.keys("Ctrl-o");
    assert_eq!(toast(&bench), "nothing was changed");
    assert!(bench.commands().is_empty());

    bench.keys("e").answer();
    bench.keys("Esc e");
    let Some(Effect::Fetch { req, .. }) = bench.effects.last() else { panic!("{:?}", bench.effects) };
    let req = *req;
    bench.reply(req, Answer::Project(Some(Box::new(odd))));
    bench.keys("Ctrl-u").text("Plain").keys("Ctrl-o");
    let Command::EditProject { changes, .. } = bench.command().1 else { panic!() };
    let expected = Change::new("a\u{202e}b\r\nc".to_owned(), "Plain".to_owned());
    assert_eq!(changes, [ProjectChange::Title(expected)]);
}

#[test]
fn the_form_says_what_is_wrong_and_where() {
    let mut bench = boards();
    bench.keys("n Ctrl-o");
    let error = |bench: &Bench| form(bench).error.clone().unwrap();
    assert_eq!(error(&bench), (0, "a project needs a title".to_owned()));
    bench.text("Shop in Welsh").keys("Ctrl-o");
    assert_eq!(error(&bench), (1, "choose a client from the list".to_owned()));
    bench.text("acme").answer();
    bench.keys("Enter Tab Tab").text("a lot").keys("Ctrl-o");
    assert_eq!(error(&bench), (4, "write pounds as 24500 or 24,500.50, or nothing".to_owned()));
    bench.keys("Ctrl-u").text("24,500").keys("Tab").text("2026-02-30").keys("Ctrl-o");
    assert_eq!(error(&bench), (5, "write the date as 2026-11-30, or nothing".to_owned()));
    bench.keys("Ctrl-u").text("2027-03-01").keys("Tab").text("2027-02-28").keys("Ctrl-o");
    assert_eq!(error(&bench), (6, "it would end before it starts".to_owned()));
    bench.keys("Ctrl-u").text("2027-03-31").keys("Tab").text("In both").keys("Enter").text("tongues");
    assert!(bench.commands().is_empty());
    bench.keys("Ctrl-o");
    let (req, command) = bench.command();
    let Command::CreateProject { project, fields } = command else { panic!("{command:?}") };
    assert_eq!((fields.title.as_str(), fields.client.as_str()), ("Shop in Welsh", "grace"));
    assert_eq!((fields.kind, fields.status), (ProjectType::Website, ProjectStatus::Pending));
    assert_eq!(fields.budget, Some(Budget::new(24500.0)));
    assert_eq!(fields.start_date, Some(date_to_timestamp(jiff::civil::date(2027, 3, 1))));
    assert_eq!(fields.end_date, Some(date_to_timestamp(jiff::civil::date(2027, 3, 31))));
    assert_eq!((fields.description.as_deref(), fields.requirements), (Some("In both\ntongues"), None));
    // The new card gets the cursor.
    done(&mut bench, req);
    assert!(bench.state.overlay.is_none());
    let mut cards = all_cards();
    cards.push(ProjectCard {
        id: project.clone(),
        ..project_card("x", "Shop in Welsh", 0, ProjectStatus::Pending, None)
    });
    let req = asked(&bench);
    bench.reply(req, Answer::Board(columns(&cards)));
    assert_eq!(selected(&bench), project.as_str());
}

#[test]
fn a_form_that_could_not_be_saved_keeps_what_was_typed_and_is_sent_again_as_the_same() {
    let mut bench = boards();
    bench.keys("n").text("Shop").keys("Tab").text("acme").answer();
    bench.keys("Enter Ctrl-o");
    let (req, first) = bench.command();
    bench.keys("Ctrl-o");
    assert!(bench.commands().is_empty(), "it is on its way");
    refused(&mut bench, req, Failure::Unavailable("the database does not answer".to_owned()));
    assert_eq!(form(&bench).error.as_ref().unwrap().1, "the database does not answer");
    bench.keys("Ctrl-o");
    let (req, second) = bench.command();
    assert_eq!(first, second, "the id too: what was carried out already is not made twice");
    refused(&mut bench, req, Failure::Unavailable("the database does not answer".to_owned()));
    bench.keys("Tab Tab").text("100").keys("Ctrl-o");
    let (Command::CreateProject { project: one, .. }, Command::CreateProject { project: other, .. }) =
        (second, bench.command().1)
    else {
        panic!()
    };
    assert_ne!(one, other, "another project than the one that was perhaps made");
}

#[test]
fn esc_throws_a_form_away_only_at_the_second_press() {
    let mut bench = boards();
    bench.keys("n Esc");
    assert!(bench.state.overlay.is_none(), "nothing was typed");
    bench.keys("n").text("Shop").keys("Esc");
    assert!(form(&bench).leaving);
    bench.text("s").keys("Esc");
    assert!(form(&bench).leaving, "typing on counts anew");
    bench.keys("Esc");
    assert!(bench.state.overlay.is_none());
}

#[test]
fn a_client_is_never_taken_from_the_matches_of_an_earlier_text() {
    let mut bench = boards();
    bench.keys("n").text("Shop").keys("Tab").answer();
    // Typed faster than the database answers: the list still shows everybody.
    bench.text("elm").keys("Tab");
    assert!(form(&bench).fields[1].chosen_client().is_none());
    bench.answer();
    assert_eq!(form(&bench).fields[1].chosen_client(), Some(&UserId::new("elm")));
    // A letter replaces the client as a whole.
    bench.keys("Shift-Tab").text("c");
    assert!(form(&bench).fields[1].chosen_client().is_none());
    assert_eq!(form(&bench).fields[1].text(), "c");
}

#[test]
fn a_save_that_was_overtaken_can_be_saved_over_what_is_there_now() {
    let mut bench = boards();
    bench.keys("l l j e").answer();
    bench.text("!").keys("Ctrl-o");
    let (req, _) = bench.command();
    bench.effects.clear();
    let now = SafeText::new("Shop reborn");
    refused(&mut bench, req, Failure::Overtaken { field: "title", now: now.clone(), by: None });
    assert!(form(&bench).error.as_ref().unwrap().1.ends_with("save again to put yours in its place"));
    let fetch = bench.effects.iter().find_map(|effect| match effect {
        Effect::Fetch { req, query: Query::Project(_) } => Some(*req),
        _ => None,
    });
    let mut fresh = project(&ProjectId::new("p08")).unwrap();
    fresh.card.title = now;
    fresh.card.budget = Some(Budget::new(7.0));
    bench.reply(fetch.unwrap(), Answer::Project(Some(Box::new(fresh))));
    assert_eq!(form(&bench).fields[0].text(), "Shop relaunch!", "what was typed stays");
    assert_eq!(form(&bench).fields[4].text(), "7", "what was not touched shows what is there now");
    bench.keys("Ctrl-o");
    let Command::EditProject { changes, .. } = bench.command().1 else { panic!() };
    let expected = Change::new("Shop reborn".to_owned(), "Shop relaunch!".to_owned());
    assert_eq!(changes, [ProjectChange::Title(expected)]);
}

#[test]
fn editing_waits_for_the_texts_and_is_forgotten_when_they_do_not_come() {
    let mut bench = boards();
    bench.keys("e");
    assert!(bench.state.overlay.is_none());
    let Some(Effect::Fetch { req, .. }) = bench.effects.last() else { panic!("{:?}", bench.effects) };
    let req = *req;
    let failure = Failure::Unavailable("the database does not answer".to_owned());
    bench.msg(Msg::Loaded { req, result: Err(failure) });
    assert_eq!(toast(&bench), "the database does not answer");
    bench.keys("Enter").answer();
    assert!(bench.state.overlay.is_none(), "opening it later does not start the form");
}
