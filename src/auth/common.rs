//! Passwords that others guess first: the commonest, those with something added, and what is known of their owner.
//!
//! Nothing here is kept or told: whoever asks hears only which of the two it is.

use std::collections::BTreeSet;

/// One a line, lower case.
const COMMON: &str = include_str!("../../assets/passwords/common.txt");
/// Neighbours on these are no choice.
const ROWS: [&str; 8] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "!@#$%^&*()_+",
];
/// What the product is called.
const PRODUCT: [&str; 3] = ["kaygia", "desk", "support"];
/// What is left beside a name must be worth something by itself.
const REST: usize = 8;
/// Passwords of fewer different characters are a pattern.
const DISTINCT: usize = 5;

/// Why a password is easily guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guessed {
    /// It is common, or a common one with something added.
    Common,
    /// It is little more than what is known of its owner.
    Personal,
}

/// Whether a password is easily guessed; `about` are the name, the address and the like of its owner.
pub(super) fn guessed(password: &str, about: &[&str]) -> Option<Guessed> {
    let lower = password.to_lowercase();
    if is_pattern(&lower) || variants(&lower).iter().any(|core| is_common(core)) {
        return Some(Guessed::Common);
    }
    let words = words(about);
    variants(&lower).iter().any(|text| is_personal(text, &words)).then_some(Guessed::Personal)
}

/// The text as typed, without what stands around its letters, without signs, and each with letters put back where
/// digits stand for them.
fn variants(lower: &str) -> BTreeSet<String> {
    let plain: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let mut texts = BTreeSet::new();
    for text in [lower, plain.as_str()] {
        for core in [text, text.trim_matches(|c: char| !c.is_alphabetic())] {
            texts.insert(core.to_owned());
            texts.insert(letters(core, 'i'));
            texts.insert(letters(core, 'l'));
        }
    }
    texts
}

fn letters(text: &str, one: char) -> String {
    let letter = |c| match c {
        '@' | '4' => 'a',
        '3' => 'e',
        '1' | '!' | '|' => one,
        '0' => 'o',
        '$' | '5' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        other => other,
    };
    text.chars().map(letter).collect()
}

fn listed(text: &str) -> bool {
    COMMON.lines().any(|line| line == text)
}

/// On the list, or made of nothing but repetitions of what is.
fn is_common(core: &str) -> bool {
    let chars: Vec<char> = core.chars().collect();
    let count = chars.len();
    if count < 3 {
        return false;
    }
    let repeats = |unit: usize| chars.iter().zip(&chars[unit..]).all(|(one, next)| one == next);
    (1..=count / 2)
        .any(|unit| repeats(unit) && (unit <= 4 || listed(&core.chars().take(unit).collect::<String>())))
        || listed(core)
}

/// A few characters over and over, or a few runs along the alphabet or the keyboard.
fn is_pattern(lower: &str) -> bool {
    let chars: Vec<char> = lower.chars().collect();
    let distinct: BTreeSet<char> = chars.iter().copied().collect();
    let breaks = chars.windows(2).filter(|pair| !neighbours(pair[0], pair[1])).count();
    distinct.len() < DISTINCT || (breaks + 1) * 4 <= chars.len()
}

fn neighbours(one: char, next: char) -> bool {
    let on = |row: &&str| {
        let place = |wanted| row.chars().position(|c| c == wanted);
        place(one).zip(place(next)).is_some_and(|(a, b)| a.abs_diff(b) == 1)
    };
    one == next || (one, next) == ('9', '0') || ROWS.iter().any(on)
}

/// The words of what is known, the longest first.
fn words(about: &[&str]) -> Vec<String> {
    let mut words: BTreeSet<String> = PRODUCT.iter().map(|word| (*word).to_owned()).collect();
    for text in about {
        let lower = text.to_lowercase();
        let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        words.insert(plain(&lower));
        words.extend(lower.split(|c: char| !c.is_alphanumeric()).map(str::to_owned));
        words.extend(lower.split('@').map(plain));
    }
    let mut words: Vec<String> = words.into_iter().filter(|word| word.chars().count() >= 3).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

fn is_personal(text: &str, words: &[String]) -> bool {
    let rest = words.iter().fold(text.to_owned(), |rest, word| rest.replace(word.as_str(), " "));
    let rest: String = rest.chars().filter(|c| c.is_alphanumeric()).collect();
    let whole = text.chars().filter(|c| c.is_alphanumeric()).count();
    let left = rest.chars().count();
    left < whole && (left < REST || is_common(&rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: [&str; 3] = ["ada.byron@kaygia.example", "Ada Lovelace", "Analytical Engines Ltd"];

    #[test]
    fn the_commonest_are_refused_however_they_are_dressed_up() {
        for password in [
            "1q2w3e4r5t6y",
            "qwertyuiop123",
            "password1234",
            "Password2026!",
            "P@ssw0rd!!!!",
            "p4ssw0rd-2026",
            "passwordpassword",
            "iloveyouiloveyou",
            "123456789012",
            "987654321098",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "abcdefghijkl",
            "1qaz2wsx3edc",
            "!!!!football!!!!",
            "m.o.n.k.e.y.1234",
            "aabbaabbaabb",
            "qwertzuiopas",
        ] {
            assert_eq!(guessed(password, &ABOUT), Some(Guessed::Common), "{password}");
        }
    }

    #[test]
    fn what_is_known_of_the_owner_is_refused() {
        for password in [
            "adalovelace1815",
            "Lovelace-2026!",
            "ada.byron@kaygia.example",
            "kaygiadesk2026",
            "l0v3l4c3 ada 1815",
            "analyticalengines",
            "lovelacepassword",
        ] {
            assert_eq!(guessed(password, &ABOUT), Some(Guessed::Personal), "{password}");
        }
    }

    #[test]
    fn what_nobody_guesses_is_taken() {
        for password in [
            "twelve chars",
            "correct horse battery staple",
            "ada sings in the rain at noon",
            "Xq7#vR2p!mZ9",
            "tomaten auf der fensterbank",
            "パスワードは秘密にしておく",
            "93 boats under a paper moon",
            "kR8vw2Lq0TzB6hYp",
        ] {
            assert_eq!(guessed(password, &ABOUT), None, "{password}");
        }
    }

    #[test]
    fn the_list_is_what_it_says() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert_eq!(lines.len(), 10_000);
        assert!(lines.iter().all(|line| !line.is_empty() && line.to_lowercase() == **line));
        assert_eq!(lines[..4], ["123456", "123456789", "qwerty", "password"]);
    }
}
