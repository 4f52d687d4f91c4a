//! What a terminal would obey in a stream of bytes, and whether the desk itself may have sent it.

/// The modes that the desk switches.
const MODES: [&str; 6] = ["2026", "1049", "2004", "25", "1000", "1006"];

/// All that must not stand in what a program has written: sequences that are not the desk's own, control characters,
/// characters that hide or reorder, piles of marks, bytes that are no text. Empty when all is well.
pub fn strangers(bytes: &[u8]) -> Vec<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return vec![format!("no UTF-8 at byte {}", error.valid_up_to())],
    };
    let mut found = Vec::new();
    let (mut rest, mut pile, mut before) = (text, 0, ' ');
    while let Some(c) = rest.chars().next() {
        let length = if c == '\x1b' { sequence(rest) } else { c.len_utf8() };
        let (token, after) = rest.split_at(length);
        if c == '\x1b' && !is_ours(token) {
            found.push(format!("{token:?}"));
        } else if c != '\x1b' && is_hidden(c) && !(c == '\u{200d}' && is_pictograph(before)) {
            found.push(format!("U+{:04X} before {:?}", c as u32, after.chars().take(12).collect::<String>()));
        }
        pile = if matches!(c, '\u{300}'..='\u{36f}') { pile + 1 } else { 0 };
        if pile == 9 {
            found.push("more than eight marks on a character".to_owned());
        }
        (rest, before) = (after, c);
    }
    found
}

/// The payloads that stand there as they are, of whatever form.
pub fn verbatim(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    payloads()
        .into_iter()
        .filter(|payload| payload.contains(char::is_control) && text.contains(payload))
        .collect()
}

/// The texts that were put on the clipboard, as base64.
pub fn clipboards(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let copies = text.split("\x1b]52;c;").skip(1);
    copies.map(|copy| copy.split(['\x07', '\x1b']).next().unwrap_or_default().to_owned()).collect()
}

/// How long the sequence at the front is.
fn sequence(text: &str) -> usize {
    let body = &text[1..];
    match body.chars().next() {
        Some('[') => {
            let end = body[1..].find(|c: char| ('@'..='~').contains(&c) || c.is_control());
            end.map_or(text.len(), |end| end + 3)
        }
        // Strings to the terminal itself end with BEL or ESC \.
        Some(']' | 'P' | '_' | '^' | 'X') => {
            let end = body[1..].find(['\x07', '\x1b']).map_or(text.len(), |end| end + 2);
            let st = text[end.min(text.len())..].starts_with("\x1b\\");
            (end + if st { 2 } else { 1 }).min(text.len())
        }
        Some(c) => 1 + c.len_utf8(),
        None => 1,
    }
}

fn is_ours(sequence: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b';');
    if let Some(body) = sequence.strip_prefix("\x1b[") {
        if let Some(mode) = body.strip_prefix('?').and_then(|mode| mode.strip_suffix(['h', 'l'])) {
            return MODES.contains(&mode);
        }
        return match body.char_indices().last() {
            Some((end, 'm' | 'H' | 'G')) => digits(&body[..end]),
            Some((_, 'J')) => body == "2J",
            Some((_, 't')) => matches!(body, "22;0t" | "23;0t"),
            _ => false,
        };
    }
    let Some(body) = sequence
        .strip_prefix("\x1b]")
        .and_then(|body| body.strip_suffix('\x07').or(body.strip_suffix("\x1b\\")))
    else {
        return false;
    };
    if let Some(title) = body.strip_prefix("2;") {
        return !title.chars().any(|c| is_hidden(c) && c != '\u{200d}');
    }
    // A text for the clipboard; never a question for it.
    body.strip_prefix("52;c;").is_some_and(|copy| {
        copy.len() <= 74_994
            && copy.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
    })
}

/// An emoji may be joined to the next one.
fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{fe0f}')
}

/// Obeyed, invisible, or reordering what is around it.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What somebody who writes to a support desk may try. None holds a line break.
pub fn payloads() -> Vec<String> {
    let mut all: Vec<String> = [
        "\x1b]0;owned\x07",
        "\x1b]0;owned\x1b\\",
        "\x1b]1;icon\x07",
        "\x1b]2;owned title\x07",
        "\x1b]4;1;rgb:ff/00/00\x07",
        "\x1b]7;file://host/etc\x07",
        "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
        "\x1b]9;notify\x07",
        "\x1b]10;?\x07",
        "\x1b]11;?\x1b\\",
        "\x1b]12;red\x07",
        "\x1b]50;font\x07",
        "\x1b]52;c;b3duZWQ=\x07",
        "\x1b]52;c;?\x07",
        "\x1b]52;p;b3duZWQ=\x1b\\",
        "\x1b]104\x07",
        "\x1b]133;A\x07",
        "\x1b]777;notify;owned;now\x07",
        "\x1b]1337;File=inline=1:AAAA\x07",
        "\x1b]1337;SetUserVar=a=b\x07",
        "\x1bP$q\"p\x1b\\",
        "\x1bP+q544e\x1b\\",
        "\x1bPtmux;\x1b\x1b]0;owned\x07\x1b\\",
        "\x1bP1$r0m\x1b\\",
        "\x1b_Gf=100;AAAA\x1b\\",
        "\x1b^private\x1b\\",
        "\x1bXstring\x1b\\",
        "\x1b[21t",
        "\x1b[20t",
        "\x1b[14t",
        "\x1b[8;10;10t",
        "\x1b[c",
        "\x1b[>c",
        "\x1b[6n",
        "\x1b[?6n",
        "\x1b[5n",
        "\x1b[2J\x1b[H",
        "\x1b[?1049l\x1b[?47l",
        "\x1b[?25l\x1b[8m",
        "\x1b[?1003h",
        "\x1b[?2004l\x1b[?66h",
        "\x1b[201~rm -rf /",
        "\x1b[5i",
        "\x1b[1;1r\x1b[41m",
        "\x1b[!p",
        "\x1bc",
        "\x1b7\x1b8\x1bD\x1bM",
        "\x1b(0lqk",
        "\x1b#8",
        "\x1b%@",
        "\u{9d}0;owned\u{9c}",
        "\u{9b}31mred",
        "\u{90}$q\"p\u{9c}",
        "\u{c2}\u{9b}2J \u{c3}\u{1b}[2J",
        "\u{85}\u{8d}\u{84}",
        "\x07\x08\x08\x08\x0b\x0c\x0e\x0f\x7f\r",
        "\u{202e}gnp.exe\u{202c}",
        "\u{2066}a\u{2069}\u{200e}\u{200f}\u{61c}",
        "ta\u{e0041}\u{e0042}\u{e007f}g",
        "ze\u{200b}ro\u{200c}\u{2060}\u{feff}\u{ad}width",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("pile{}", "\u{301}".repeat(10_000)));
    all.push(format!("joined{}", "\u{1f468}\u{200d}".repeat(14)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_payload_is_found_and_what_the_desk_sends_is_not() {
        // Of the same form as what the desk sends itself: these are found by their words.
        let forms = ["\x1b]2;owned title\x07", "\x1b]52;c;b3duZWQ=\x07", "\x1b[2J\x1b[H", "\x1b[?25l\x1b[8m"];
        for payload in payloads() {
            if forms.contains(&payload.as_str()) {
                assert_eq!(verbatim(format!("words {payload} words").as_bytes()), [payload]);
                continue;
            }
            if payload.starts_with("joined") {
                continue;
            }

            assert!(!strangers(payload.as_bytes()).is_empty(), "{payload:?} passes for ours");
        }
        let ours = "\x1b[22;0t\x1b[?1049h\x1b[?2026h\x1b]2;desk\x07\x1b[1;2Hwords \x1b[0;38;5;4m家\x1b[7G\x1b[m\x1b[?2026l";
        assert_eq!(strangers(ours.as_bytes()), [""; 0]);
        assert_eq!(clipboards(b"a\x1b]52;c;YQ==\x07b"), ["YQ=="]);
        assert_eq!(strangers(&[b'a', 0x9b, b'm']), ["no UTF-8 at byte 1"]);
    }
}
