//! Codes on the screen: typed instead of a password, and shown to be handed over.

use crate::fixtures::{Bench, NOW, minutes};
use crate::screens::drawn;
use kaygia_desk::app::key::Input;
use kaygia_desk::app::overlay::Overlay;
use kaygia_desk::app::{Effect, Msg};
use kaygia_desk::domain::command::{Command, Done, IssuedCode};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::UserId;
use kaygia_desk::domain::safe_text::SafeText;
use kaygia_desk::domain::token::{Redeemed, TokenCode, TokenKind};

/// A bench before anybody has signed in, with the form for a code.
fn form(size: (u16, u16)) -> Bench {
    let mut bench = Bench::new(size, 3);
    bench.keys("t");
    let (req, _) = bench.command();
    bench.msg(Msg::Done { req, result: Err(Failure::SignedOut("your session has ended".to_owned())) });
    bench.keys("Ctrl-r");
    bench.effects.clear();
    bench
}

fn code() -> TokenCode {
    TokenCode::from_random(&[7; 32])
}

fn paste_code(bench: &mut Bench) {
    bench.msg(Msg::Input(Input::Paste { text: format!("  {}\n", code().expose()), dropped: 0 }));
}

/// What was asked for: the code, and whether with a password.
fn asked(bench: &Bench) -> Vec<(TokenCode, bool)> {
    let redeem = |effect: &Effect| match effect {
        Effect::Redeem { code, password } => Some((code.clone(), password.is_some())),
        _ => None,
    };
    bench.effects.iter().filter_map(redeem).collect()
}

#[test]
fn a_code_and_a_password_typed_twice_are_sent_together() {
    let mut bench = form((80, 24));
    paste_code(&mut bench);
    bench.keys("Enter").text("a whole new password").keys("Enter").text("a whole new password").keys("Enter");
    assert_eq!(asked(&bench), [(code(), true)]);
    assert!(!drawn(&bench).contains("a whole new"));
    let redeemed = Redeemed { kind: TokenKind::PasswordReset, password_set: true };
    bench.msg(Msg::Redeemed(Ok(redeemed)));
    assert!(bench.state.redeem.is_none());
    let screen = drawn(&bench);
    assert!(
        screen.contains("E-mail") && screen.contains("the new password is set: sign in with it"),
        "{screen}"
    );
}

#[test]
fn a_code_alone_verifies_an_address() {
    let mut bench = form((80, 24));
    paste_code(&mut bench);
    bench.keys("Enter Enter");
    assert_eq!(asked(&bench), [(code(), false)]);
}

#[test]
fn what_cannot_be_is_told_before_anything_is_sent() {
    let mut bench = form((80, 24));
    bench.keys("Enter");
    assert!(drawn(&bench).contains("type or paste the code first"));
    paste_code(&mut bench);
    bench.keys("Enter").text("one long password").keys("Enter").text("another password").keys("Enter");
    assert!(drawn(&bench).contains("the two passwords differ: type them again"));
    bench.text("short").keys("Enter").text("short").keys("Enter");
    assert!(drawn(&bench).contains("the password is too short"));
    assert_eq!(asked(&bench), []);
}

#[test]
fn a_refusal_stays_on_the_form_and_the_way_back_leads_to_the_password() {
    let mut bench = form((80, 24));
    paste_code(&mut bench);
    bench.keys("Enter Enter Enter Enter");
    assert_eq!(asked(&bench).len(), 1, "one at a time");
    bench.msg(Msg::Redeemed(Err("this code is not valid".to_owned())));
    assert!(drawn(&bench).contains("this code is not valid"));
    bench.keys("Esc");
    assert!(drawn(&bench).contains("E-mail"));
    bench.keys("Ctrl-r Ctrl-c");
    assert!(bench.state.redeem.is_none() && !bench.effects.iter().any(|it| matches!(it, Effect::Quit)));
}

fn shown(size: (u16, u16)) -> Bench {
    let mut bench = Bench::new(size, 3);
    let command = Command::IssueToken { user: UserId::new("grace"), kind: TokenKind::PasswordReset };
    let req = bench.state.execute(command, kaygia_desk::app::requests::Cause::Asked);
    let issued = IssuedCode {
        kind: TokenKind::PasswordReset,
        user: UserId::new("grace"),
        whom: SafeText::new("Grace Hopper"),
        code: code(),
        until: NOW.after(minutes(60)),
    };
    bench.msg(Msg::Done { req, result: Ok(Done { code: Some(issued), ..Done::default() }) });
    bench
}

#[test]
fn a_code_to_hand_over_is_shown_once_and_not_closed_unseen() {
    let mut bench = shown((80, 24));
    bench.keys("Esc");
    assert!(matches!(bench.state.overlay, Some(Overlay::Code(_))), "a key typed ahead");
    bench.msg(Msg::Drawn);
    bench.keys("y");
    assert!(bench.effects.iter().any(|it| matches!(it, Effect::Copy(text) if text == code().expose())));
    bench.keys("Esc");
    assert!(bench.state.overlay.is_none());
}

#[test]
fn codes_at_each_size() {
    for size in [(40, 12), (80, 24), (120, 40)] {
        insta::assert_snapshot!(format!("code_form_{}x{}", size.0, size.1), drawn(&form(size)));
        insta::assert_snapshot!(format!("code_shown_{}x{}", size.0, size.1), drawn(&shown(size)));
    }
}
