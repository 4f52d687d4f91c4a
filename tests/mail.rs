//! Mail: what goes over the line, to whom, and what is never sent.

use crate::support::smtp::{Act, Smtp, Taken};
use kaygia_desk::domain::mail::MailKind;
use kaygia_desk::domain::time::Timestamp;
use kaygia_desk::domain::token::TokenCode;
use kaygia_desk::mail::letter::{self, Letter, Sealed, Words};
use kaygia_desk::mail::line::{Fate, Line};
use kaygia_desk::mail::{Security, Server, Settings, Unusable};
use zeroize::Zeroizing;

/// 22 November 2026, 14:00 UTC.
const AT: Timestamp = Timestamp::from_micros(1_795_356_000_000_000);

fn sealed(server: &Server, to: &str, body: &str) -> Sealed {
    let letter = Letter { subject: "Subject".to_owned(), body: body.to_owned() };
    letter::seal(server, &letter, to, "0123", AT).unwrap()
}

/// Sends one mail over a line of its own.
async fn send(server: &Server, mail: &Sealed) -> Fate {
    let mut line = Line::open(server).await.unwrap();
    let fate = line.send(mail).await;
    line.close().await;
    fate
}

async fn send_to(smtp: &Smtp, to: &str, body: &str) -> Taken {
    let server = smtp.server(Security::Plain);
    assert_eq!(send(&server, &sealed(&server, to, body)).await, Fate::Sent);
    smtp.taken().pop().unwrap()
}

#[tokio::test]
async fn a_mail_has_one_sender_one_receiver_and_the_headers_of_an_automatic_one() {
    let smtp = Smtp::plain().await;
    let taken = send_to(&smtp, "grace@example.test", "Hello,\nthis is it.\n").await;
    assert_eq!(
        (taken.from.as_str(), taken.to.as_slice()),
        ("<desk@kaygia.example>", &["<grace@example.test>".to_owned()][..])
    );
    for (name, value) in [
        ("From", "\"Kaygia Desk\" <desk@kaygia.example>"),
        ("To", "grace@example.test"),
        ("Subject", "Subject"),
        ("Message-ID", "<0123@kaygia.example>"),
        ("Date", "Sun, 22 Nov 2026 14:00:00 +0000"),
        ("Auto-Submitted", "auto-generated"),
        ("Content-Type", "text/plain; charset=utf-8"),
    ] {
        assert_eq!(taken.header(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(taken.body().trim_end(), "Hello,\r\nthis is it.");
}

/// The story: a line end in a name or an address became a header of its own, and mail went to whom it named.
#[tokio::test]
async fn no_address_becomes_a_header_or_a_second_receiver() {
    let smtp = Smtp::plain().await;
    let server = smtp.server(Security::Plain);
    let letter = Letter { subject: "S".to_owned(), body: "B".to_owned() };
    let hostile = [
        "a@b.test\r\nBcc: evil@x.test",
        "a@b.test\nBcc: evil@x.test",
        "a@b.test\rBcc: evil@x.test",
        "a@b.test%0d%0aBcc:evil@x.test, evil@x.test",
        "a@b.test\r\n.\r\nMAIL FROM:<evil@x.test>",
        "a@b.test, evil@x.test",
        "a@b.test; evil@x.test",
        "a@b.test evil@x.test",
        "a@b.test>\r\nRCPT TO:<evil@x.test",
        "<a@b.test> NOTIFY=SUCCESS",
        "a@b.test> SIZE=1",
        "Evil <evil@x.test>",
        "\"a\\\r\n\"@b.test",
        "\"a b\"@b.test",
        "a(comment)@b.test",
        "@evil.test:a@b.test",
        "a@b.test\0",
        "a@b.test\u{2028}Bcc: evil@x.test",
        "a@b.test\u{85}Bcc: evil@x.test",
        "a\u{0b}@b.test",
        "a@b.test\t",
        "a@b.test\u{a0}x",
        "a@@b.test",
        "a@",
        "@b.test",
        "",
        " ",
        "a",
        "evil@x.test\u{7f}",
        "erased-1 @invalid",
    ];
    assert_eq!(hostile.len(), 30);
    for address in hostile {
        match letter::seal(&server, &letter, address, "id", AT) {
            Err(_) => {}
            Ok(mail) => {
                let head = mail.text();
                let head = head.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
                assert_eq!(
                    head.matches("\r\nto:").count() + usize::from(head.starts_with("to:")),
                    1,
                    "{address:?}"
                );
                assert!(!head.contains("\r\nbcc") && !head.contains("\nevil"), "{address:?}: {head}");
                assert_eq!(send(&server, &mail).await, Fate::Sent);
                let taken = smtp.taken().pop().unwrap();
                assert_eq!(taken.to.len(), 1, "{address:?}");
                assert!(!taken.to[0].contains("evil"), "{address:?}: {:?}", taken.to);
            }
        }
    }
    assert!(smtp.taken().iter().all(|mail| mail.to.len() == 1));
}

#[tokio::test]
async fn the_senders_name_is_encoded_or_refused() {
    let smtp = Smtp::plain().await;
    let from = |from: &str| {
        Server::new(Settings { from: from.to_owned(), ..smtp.settings(Security::Plain) }).map(|server| {
            let text = sealed(&server, "a@b.test", "B").text();
            text.split("\r\n\r\n").next().unwrap().to_owned()
        })
    };
    for hostile in
        ["Kay\r\nBcc: evil@x.test <desk@k.test>", "Kay\0gia <desk@k.test>", "Kay\u{85}gia <desk@k.test>"]
    {
        if let Ok(head) = from(hostile) {
            assert!(!head.contains("\nBcc") && !head.contains('\0'), "{head}");
        }
    }
    assert_eq!(from("nobody"), Err(Unusable::From));
    assert!(from("\"Käygia, Desk\" <desk@k.test>").unwrap().is_ascii());
}

#[tokio::test]
async fn dots_and_long_texts_arrive_as_they_were() {
    let smtp = Smtp::plain().await;
    let dots = ".\n..\n.\r\n. \n.hidden\n\n.\n";
    let taken = send_to(&smtp, "a@b.test", dots).await;
    assert_eq!(taken.body().trim_end(), ".\r\n..\r\n.\r\n. \r\n.hidden\r\n\r\n.");
    let long = ".a line of a text that is five megabytes long, or nearly so
"
    .repeat(100_000);
    assert!(long.len() > 5_000_000);
    let taken = send_to(&smtp, "a@b.test", &long).await;
    assert_eq!(taken.body().trim_end().replace("\r\n", "\n"), long.trim_end());
    assert_eq!(smtp.taken().len(), 2);
}

#[tokio::test]
async fn what_the_server_does_decides_what_becomes_of_a_mail() {
    let smtp = Smtp::plain().await;
    let server = smtp.server(Security::Plain);
    let mail = sealed(&server, "a@b.test", "B");
    let answered = |code: &str| format!("the mail server answered {code}");
    for (act, fate) in [
        (Act::Take, Fate::Sent),
        (Act::Later, Fate::Later(answered("451"))),
        (Act::Never, Fate::Never(answered("550"))),
        (Act::LaterAfterText, Fate::Later(answered("452"))),
        (Act::TakeAndCut, Fate::Doubtful("the connection to the mail server failed".to_owned())),
        (Act::Cut, Fate::Later("the connection to the mail server failed".to_owned())),
    ] {
        smtp.script([act]);
        let got = send(&server, &mail).await;
        let same = matches!(
            (&got, &fate),
            (Fate::Sent, Fate::Sent)
                | (Fate::Later(_), Fate::Later(_))
                | (Fate::Never(_), Fate::Never(_))
                | (Fate::Doubtful(_), Fate::Doubtful(_))
        );
        assert!(same, "{act:?}: {got:?}");
        if let (Fate::Later(got) | Fate::Never(got), Fate::Later(wanted) | Fate::Never(wanted)) =
            (&got, &fate)
            && wanted.contains("answered")
        {
            assert_eq!(got, wanted, "{act:?}");
        }
    }
}

#[tokio::test]
async fn tls_begins_by_command_or_at_once_and_nothing_is_said_before() {
    for security in [Security::StartTls, Security::Implicit] {
        let smtp = Smtp::start(security, "localhost").await;
        let credentials = Some(("desk".to_owned(), Zeroizing::new("hunter2".to_owned())));
        let server = Server::new(Settings { credentials, ..smtp.settings(security) }).unwrap();
        assert!(!format!("{server:?}").contains("hunter2"));
        assert_eq!(send(&server, &sealed(&server, "a@b.test", "B")).await, Fate::Sent);
        let taken = smtp.taken().pop().unwrap();
        assert!(taken.encrypted);
        // Base64 of NUL desk NUL hunter2.
        assert_eq!(taken.signed_in.as_deref(), Some("AGRlc2sAaHVudGVyMg=="));
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_no_mail() {
    for security in [Security::StartTls, Security::Implicit] {
        let right = Smtp::start(security, "localhost").await;
        let other_name = Smtp::start(security, "other.example").await;
        let untrusted = Settings { roots: None, ..right.settings(security) };
        let others = Settings { roots: other_name.settings(security).roots, ..right.settings(security) };
        for settings in [untrusted, others, other_name.settings(security)] {
            let refused = Line::open(&Server::new(settings).unwrap()).await.err();
            assert_eq!(refused.as_deref(), Some("no trusted, encrypted connection to the mail server"));
        }
        assert_eq!((right.taken(), other_name.taken()), (Vec::new(), Vec::new()));
    }
}

/// The story: somebody between the desk and the server takes the offer of STARTTLS out.
#[tokio::test]
async fn a_server_that_offers_no_tls_gets_neither_mail_nor_password() {
    let smtp = Smtp::plain().await;
    let credentials = Some(("desk".to_owned(), Zeroizing::new("hunter2".to_owned())));
    let server = Server::new(Settings { credentials, ..smtp.settings(Security::StartTls) }).unwrap();
    assert!(Line::open(&server).await.is_err());
    assert_eq!(smtp.taken(), []);
    let settings = Settings { host: "mail.example".to_owned(), ..smtp.settings(Security::Plain) };
    assert_eq!(Server::new(settings).err(), Some(Unusable::Unprotected));
}

#[test]
fn every_kind_has_its_words_and_no_place_is_left_open() {
    let code = TokenCode::from_random(&[7; 32]);
    for kind in MailKind::ALL {
        for link in [None, Some("https://app.example/x?token=")] {
            let words = Words { code: Some((&code, AT)), link, number: Some("TKT-1042") };
            let letter = letter::write(kind, words);
            assert!(!letter.subject.is_empty() && !letter.body.is_empty(), "{kind:?}");
            assert!(!letter.body.contains(['{', '}']), "{}", letter.body);
            assert!(letter.body.lines().all(|line| line.len() <= 100), "{}", letter.body);
            let is_code = matches!(kind, MailKind::PasswordReset | MailKind::EmailVerification);
            assert_eq!(letter.body.contains(code.expose()), is_code, "{kind:?}");
            assert_eq!(letter.body.contains("https://"), is_code && link.is_some(), "{kind:?}");
        }
    }
    let number = |number| letter::write(MailKind::TicketAnswered, Words { number, ..Words::default() }).body;
    assert!(number(Some("TKT-1042")).starts_with("Your ticket TKT-1042 has an answer."));
    for odd in [None, Some("buy now http://evil.test"), Some("x\r\ny"), Some("")] {
        assert!(number(odd).starts_with("Your ticket has an answer."), "{odd:?}");
    }
}
