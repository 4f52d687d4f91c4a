//! Just enough of Rust's grammar to see what a file names: code without comments and texts, the texts, the paths.

/// A file, taken apart.
pub struct Source {
    /// The code; comments and the insides of texts are blanks, lines stay where they were.
    pub code: String,
    /// Each text with the line that it begins in and its place in `code`.
    pub texts: Vec<Text>,
}

/// A string literal.
pub struct Text {
    pub line: usize,
    pub at: usize,
    pub value: String,
}

/// A path as it is written in an import or in an expression: `crate::store::listen`.
#[derive(Debug, PartialEq, Eq)]
pub struct Path {
    pub at: usize,
    pub segments: Vec<String>,
}

impl Source {
    pub fn parse(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut source = Self { code: String::with_capacity(text.len()), texts: Vec::new() };
        let mut at = 0;
        while at < bytes.len() {
            let rest = &text[at..];
            if rest.starts_with("//") {
                at = source.blank(text, at, rest.find('\n').map_or(text.len(), |end| at + end));
            } else if rest.starts_with("/*") {
                at = source.blank(text, at, at + comment_length(rest));
            } else if let Some((open, close)) = text_borders(rest, before(text, at)) {
                let start = at + open;
                let end = text_end(text, start, &close);
                source.code.push_str(&text[at..start]);
                let line = line(text, at);
                source.texts.push(Text { line, at: source.code.len(), value: text[start..end].to_owned() });
                source.blank(text, start, end);
                at = (end + close.len()).min(text.len());
                source.code.push_str(&text[end..at]);
            } else if let Some(length) = character_length(rest) {
                at = source.blank(text, at, at + length);
            } else {
                let letter = rest.chars().next().unwrap();
                source.code.push(letter);
                at += letter.len_utf8();
            }
        }
        source
    }

    /// Every path in the code, imports spread out: `use a::{b, c::d}` is `a::b` and `a::c::d`.
    pub fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        let mut at = 0;
        while let Some(start) = next_word(&self.code, at) {
            let (tails, end) = path(&self.code, start);
            paths.extend(tails.into_iter().map(|segments| Path { at: start, segments }));
            at = end;
        }
        paths
    }

    /// The lines in which a macro of this name is called, with the text that it begins with.
    pub fn macros(&self, name: &str) -> Vec<(usize, Option<&str>)> {
        let call = format!("{name}!");
        let whole = |at: usize| !before(&self.code, at).is_some_and(is_word);
        self.code
            .match_indices(&call)
            .filter(|(at, _)| whole(*at))
            .map(|(at, _)| {
                let open = at + call.len();
                let inside = |text: &&Text| {
                    text.at > open
                        && self.code[open..text.at]
                            .trim_matches(['(', '[', '{', ' ', '\n', '"', 'r', '#'])
                            .is_empty()
                };
                (line(&self.code, at), self.texts.iter().find(inside).map(|text| text.value.as_str()))
            })
            .collect()
    }

    /// The line of a place in the code.
    pub fn line(&self, at: usize) -> usize {
        line(&self.code, at)
    }

    /// The lines in which the code holds these characters.
    pub fn lines_with(&self, part: &str) -> Vec<usize> {
        self.code.match_indices(part).map(|(at, _)| line(&self.code, at)).collect()
    }

    fn blank(&mut self, text: &str, from: usize, to: usize) -> usize {
        let blanks = text[from..to].chars().map(|letter| if letter == '\n' { '\n' } else { ' ' });
        self.code.extend(blanks);
        to
    }
}

fn line(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

fn comment_length(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// How a text opens here, and what closes it.
fn text_borders(rest: &str, before: Option<char>) -> Option<(usize, String)> {
    if before.is_some_and(is_word) && !rest.starts_with('"') {
        return None;
    }
    let prefix = rest.find(|letter| !matches!(letter, 'b' | 'c' | 'r'))?;
    let raw = rest[..prefix].contains('r');
    let hashes = rest[prefix..].find(|letter| letter != '#')?;
    if prefix > 2 || !rest[prefix + hashes..].starts_with('"') || (hashes > 0 && !raw) {
        return None;
    }
    Some((prefix + hashes + 1, format!("\"{}", "#".repeat(hashes))))
}

fn text_end(text: &str, start: usize, close: &str) -> usize {
    // Raw texts have no escapes: the letter before the quote that opened this one says which it is.
    let opened = text[..start].trim_end_matches(['"', '#']);
    let raw = opened.ends_with('r');
    let mut at = start;
    while at < text.len() && !text[at..].starts_with(close) {
        let escaped = !raw && text[at..].starts_with('\\');
        let mut letters = text[at..].chars();
        at += letters.next().map_or(1, char::len_utf8);
        if escaped {
            at += letters.next().map_or(0, char::len_utf8);
        }
    }
    at.min(text.len())
}

/// A character literal, not a lifetime.
fn character_length(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let mut letters = inside.chars();
    let first = letters.next()?;
    if first == '\\' {
        return inside[2..].find('\'').map(|end| end + 4);
    }
    (letters.next() == Some('\'')).then_some(first.len_utf8() + 2)
}

fn next_word(code: &str, from: usize) -> Option<usize> {
    let at = from + code[from..].find(is_word)?;
    Some(at)
}

/// The paths that begin at a word, and where the code goes on.
fn path(code: &str, start: usize) -> (Vec<Vec<String>>, usize) {
    let end = start + code[start..].find(|letter| !is_word(letter)).unwrap_or(code.len() - start);
    let word = code[start..end].to_owned();
    let Some(colons) = colons(code, end) else { return (vec![vec![word]], end) };
    let next = colons + code[colons..].len() - code[colons..].trim_start().len();
    let (tails, end) = match code[next..].chars().next() {
        Some('{') => group(code, next + 1),
        Some(letter) if is_word(letter) => path(code, next),
        _ => (vec![Vec::new()], colons),
    };
    let join = |tail: Vec<String>| std::iter::once(word.clone()).chain(tail).collect();
    (tails.into_iter().map(join).collect(), end)
}

fn group(code: &str, start: usize) -> (Vec<Vec<String>>, usize) {
    let mut paths = Vec::new();
    let mut at = start;
    while let Some(letter) = code[at..].chars().next() {
        if letter == '}' {
            return (paths, at + 1);
        }
        if is_word(letter) {
            let (found, end) = path(code, at);
            at = end;
            if found[0] == ["as"] {
                // The other name that follows is no path.
                at = next_word(code, end).map_or(code.len(), |word| path(code, word).1);
            } else {
                paths.extend(found);
            }
        } else {
            at += letter.len_utf8();
        }
    }
    (paths, at)
}

fn colons(code: &str, end: usize) -> Option<usize> {
    let rest = code[end..].trim_start();
    rest.starts_with("::").then(|| code.len() - rest.len() + 2)
}

#[cfg(test)]
mod tests {
    use super::{Path, Source};

    fn paths(text: &str) -> Vec<String> {
        let longer = |path: Path| (path.segments.len() > 1).then(|| path.segments.join("::"));
        Source::parse(text).paths().into_iter().filter_map(longer).collect()
    }

    #[test]
    fn imports_are_spread_out() {
        assert_eq!(
            paths("use crate::{store::{listen, pool::Pool as P}, app};\nuse std :: fs;"),
            ["crate::store::listen", "crate::store::pool::Pool", "crate::app", "std::fs"]
        );
        assert_eq!(
            paths("fn f() -> crate::ui::Theme { tokio::spawn(x) }"),
            ["crate::ui::Theme", "tokio::spawn"]
        );
    }

    #[test]
    fn comments_and_texts_are_no_code() {
        let text = "// crate::store\n/* tokio::spawn /* nested */ */ /// [`crate::ui`]\nlet a = \"use tokio::x; \\\" y::z\";\nlet b = r#\"a \"q::r\" \\\"#;\nlet c = '\"'; let d: &'static str = b\"e::f\";";
        assert_eq!(paths(text), Vec::<String>::new());
        let source = Source::parse(text);
        let values: Vec<_> = source.texts.iter().map(|text| (text.line, text.value.as_str())).collect();
        assert_eq!(values, [(3, "use tokio::x; \\\" y::z"), (4, "a \"q::r\" \\"), (5, "e::f")]);
    }

    #[test]
    fn a_macro_is_found_with_the_text_that_it_begins_with() {
        let source = Source::parse(
            "let a = format!(\n    r#\"SELECT {x}\"#);\nlet b = format!(\"{}\", \"SELECT\"); reformat!(\"c\")",
        );
        assert_eq!(source.macros("format"), [(1, Some("SELECT {x}")), (3, Some("{}"))]);
    }
}
