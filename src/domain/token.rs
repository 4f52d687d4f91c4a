//! One-time codes: for a new password, and to verify an address.

use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Choose a new password.
    PasswordReset,
    /// Prove that mail to the account's address arrives.
    EmailVerification,
}

impl TokenKind {
    /// The word in the database and in the event log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::EmailVerification => "email_verification",
        }
    }

    /// Reads [`TokenKind::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::PasswordReset, Self::EmailVerification].into_iter().find(|kind| kind.as_str() == word)
    }

    /// What the code does, for a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::PasswordReset => "choose a new password",
            Self::EmailVerification => "verify the e-mail address",
        }
    }
}

/// How the web app keeps the codes in its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TokenFormat {
    /// SHA-256 of the code, in hexadecimal.
    #[default]
    Sha256Hex,
    /// The code itself: whoever can read the table can take over accounts.
    Plain,
}

impl TokenFormat {
    /// The word in the settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256Hex => "sha256-hex",
            Self::Plain => "plain",
        }
    }
}

/// How codes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// What lies in the web app's tables.
    pub format: TokenFormat,
    /// How long a code for a new password is good; the database allows an hour at most.
    pub reset: Duration,
    /// How long a code that verifies an address is good; the database allows a day at most.
    pub verification: Duration,
}

impl Default for TokenRules {
    fn default() -> Self {
        Self {
            format: TokenFormat::default(),
            reset: Duration::from_secs(60 * 60),
            verification: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl TokenRules {
    /// How long a code of this kind is good.
    pub const fn lifetime(&self, kind: TokenKind) -> Duration {
        match kind {
            TokenKind::PasswordReset => self.reset,
            TokenKind::EmailVerification => self.verification,
        }
    }
}

/// Letters of a code: 32 bytes in base64url.
const LETTERS: usize = 43;
/// What is looked at of a typed text; a mail's link is shorter.
const LONGEST_TYPED: usize = 4096;
/// Stands for whatever is no code. No 32 bytes read like this: the last letter's low bits would have to be zero.
const NOBODYS: &str = "-------------------------------------------";

/// A code, handed over once. Its text never reaches a log.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenCode(Zeroizing<String>);

impl TokenCode {
    /// From 32 random bytes of the operating system.
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(base64url(bytes)))
    }

    /// Reads what somebody typed or pasted: the code with blanks, line ends or quotes around it or inside, or the link
    /// of a mail that holds it. What is none becomes a code that nobody has: it is refused like any other.
    pub fn typed(text: &str) -> Self {
        let text = text.get(..LONGEST_TYPED).unwrap_or(text);
        let text =
            ["token=", "code="].iter().find_map(|mark| text.split_once(mark)).map_or(text, |(_, rest)| rest);
        let text = text.split(['&', '#']).next().unwrap_or_default();
        let letters: Zeroizing<String> =
            Zeroizing::new(text.chars().filter(|c| !c.is_whitespace() && !is_wrapping(*c)).collect());
        let fits = letters.len() == LETTERS
            && letters.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        Self(if fits { letters } else { Zeroizing::new(NOBODYS.to_owned()) })
    }

    /// The text, for whom it is.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCode(***)")
    }
}

/// A code that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redeemed {
    /// What it was for.
    pub kind: TokenKind,
    /// Whether the password given is the account's now.
    pub password_set: bool,
}

impl Redeemed {
    /// What happened, and what can be done next.
    pub const fn sentence(self) -> &'static str {
        match (self.kind, self.password_set) {
            (_, true) => "the new password is set: sign in with it",
            (TokenKind::EmailVerification, false) => "the e-mail address is verified",
            (TokenKind::PasswordReset, false) => "the code is used",
        }
    }
}

/// What mail programs and people put around a code.
fn is_wrapping(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '`' | '<' | '>' | '=' | '.' | ',' | '(' | ')' | '[' | ']' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{2018}'..='\u{201f}'
    )
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(group >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_32_bytes_in_base64url() {
        assert_eq!(base64url(b"f"), "Zg");
        assert_eq!(base64url(b"fo"), "Zm8");
        assert_eq!(base64url(b"foobar"), "Zm9vYmFy");
        assert_eq!(base64url(&[0xff, 0xfe, 0xfd]), "__79");
        assert_eq!(TokenCode::from_random(&[0; 32]).expose(), "A".repeat(43));
    }

    #[test]
    fn a_code_is_read_however_it_was_pasted() {
        let code = TokenCode::from_random(&[0x5a; 32]);
        let text = code.expose();
        let (head, tail) = text.split_at(20);
        for pasted in [
            text.to_owned(),
            format!("  {text}\r\n"),
            format!("{head}\n    {tail}"),
            format!("{head}=\r\n{tail}"),
            format!("\"{text}\"."),
            format!("<https://desk.example/reset?token={text}&lang=en>"),
            format!("https://desk.example/verify?code={text}#top"),
            format!("\u{feff}{head}\u{200b}{tail}"),
        ] {
            assert_eq!(TokenCode::typed(&pasted), code, "{pasted:?}");
        }
    }

    #[test]
    fn what_is_no_code_is_nobodys() {
        let nobodys = TokenCode::typed("");
        let code = TokenCode::from_random(&[0x5a; 32]);
        for typed in [
            "%",
            "' OR true --",
            &code.expose()[1..],
            &format!("{}x", code.expose()),
            "\0",
            &"é".repeat(5000),
        ] {
            assert_eq!(TokenCode::typed(typed), nobodys, "{typed:?}");
        }
        assert_ne!(TokenCode::from_random(&[0xfb; 32]).expose(), NOBODYS);
        assert_eq!(NOBODYS.len(), LETTERS);
    }

    #[test]
    fn a_code_prints_as_stars() {
        assert_eq!(format!("{:?}", TokenCode::from_random(&[7; 32])), "TokenCode(***)");
    }
}
