//! What people wrote never gets into a mail: neither its headers nor its text.

use crate::post::{answer, issue, mailing, post, round};
use crate::support::smtp::Smtp;
use crate::support::world::world;
use kaygia_desk::desk::Gateway;
use kaygia_desk::domain::time::Timestamp;
use kaygia_desk::domain::token::TokenKind;
use kaygia_desk::mail::Security;
use kaygia_desk::mail::letter::{self, Letter};

/// Ends a line, a header, a mail, or a name, and goes on as somebody else.
const INJECTIONS: [&str; 30] = [
    "\r\nBcc: evil@x.test",
    "\nBcc: evil@x.test",
    "\rBcc: evil@x.test",
    "\r\n\r\nevil text",
    "\n\nevil text",
    "\r\n.\r\nMAIL FROM:<evil@x.test>\r\nRCPT TO:<evil@x.test>\r\nDATA\r\nevil",
    "\n.\nMAIL FROM:<evil@x.test>",
    "\r\n.\r\nQUIT",
    "\r\nSubject: evil",
    "\r\nTo: evil@x.test",
    "\r\nCc: evil@x.test",
    "\r\nReply-To: evil@x.test",
    "\r\nFrom: evil@x.test",
    "\r\nContent-Type: text/html\r\n\r\n<b>evil</b>",
    "\r\n folded evil",
    "\r\n\tfolded evil",
    "=?utf-8?Q?=0D=0ABcc:_evil@x.test?=",
    "=?utf-8?B?DQpCY2M6IGV2aWxAeC50ZXN0?=",
    "%0d%0aBcc:evil@x.test",
    "\\r\\nBcc: evil@x.test",
    "\u{85}Bcc: evil@x.test",
    "\u{2028}Bcc: evil@x.test",
    "\u{2029}Bcc: evil@x.test",
    "\u{b}Bcc: evil@x.test",
    "\u{c}Bcc: evil@x.test",
    "\u{560a}\u{560d}Bcc: evil@x.test",
    "\" <evil@x.test>, \"",
    "<evil@x.test>",
    "(comment) evil@x.test",
    "\u{1b}]0;evil\u{7}\u{202e}",
];

/// The names of all headers, in their order.
fn headers(text: &str) -> Vec<String> {
    let head = text.split("\r\n\r\n").next().unwrap();
    let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    lines.map(|line| line.split(':').next().unwrap().to_ascii_lowercase()).collect()
}

#[tokio::test]
async fn nothing_that_people_wrote_gets_into_a_mail() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let smtp = Smtp::plain().await;
    let desk = mailing(&world.desk, true);
    let db = &world.db.client;
    for (n, injection) in INJECTIONS.iter().enumerate() {
        let (client, ticket) = (format!("c{n}"), format!("t{n}"));
        world.user(&client, &format!("Grace{injection}"), "CLIENT").await;
        world.ticket(&ticket, &client, "OPEN", "1 hour").await;
        db.execute("UPDATE public.users SET company = $2 WHERE id = $1", &[&client, injection])
            .await
            .unwrap();
        db.execute("UPDATE public.users SET name = $1 WHERE id = 'alan'", &[injection]).await.unwrap();
        db.execute(
            "UPDATE public.support_tickets SET subject = $2, description = $2, ticket_number = $3 WHERE id = $1",
            &[&ticket, injection, &format!("N{n}{injection}")],
        )
        .await
        .unwrap();
        desk.execute(&alan, issue(&client, TokenKind::PasswordReset)).await.unwrap();
        desk.execute(&alan, answer(&ticket, &format!("r{n}"))).await.unwrap();
        assert_eq!(round(&post(&desk, &smtp)).await.sent, 2, "{injection:?}");
        // No more than twenty codes an hour for one member of staff.
        world.sql("TRUNCATE desk.token_asks").await;
    }
    let taken = smtp.taken();
    assert_eq!(taken.len(), 2 * INJECTIONS.len());
    for (at, mail) in taken.iter().enumerate() {
        let injection = INJECTIONS[at / 2];
        assert_eq!(mail.to, [format!("<c{}@example.test>", at / 2)], "{injection:?}");
        assert_eq!(mail.from, "<desk@kaygia.example>");
        assert!(!mail.text.to_lowercase().contains("evil"), "{injection:?}: {}", mail.text);
        assert_eq!(headers(&mail.text), headers(&taken[0].text), "{injection:?}");
        assert!(!mail.text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n')), "{injection:?}");
    }
}

/// Were a subject ever made of somebody's words, it would be one line still.
#[tokio::test]
async fn a_subject_that_holds_line_ends_stays_one_header() {
    let smtp = Smtp::plain().await;
    let server = smtp.server(Security::Plain);
    let at = Timestamp::from_micros(1_795_356_000_000_000);
    let seal = |subject: &str| {
        let letter = Letter { subject: subject.to_owned(), body: "Body".to_owned() };
        letter::seal(&server, &letter, "a@b.test", "id", at).map(|mail| mail.text())
    };
    let plain = headers(&seal("Subject").unwrap());
    for injection in INJECTIONS {
        if let Ok(text) = seal(&format!("Subject{injection}")) {
            assert_eq!(headers(&text), plain, "{injection:?}: {text}");
            assert_eq!(text.split_once("\r\n\r\n").unwrap().1.trim_end(), "Body", "{injection:?}");
        }
    }
}
