//! Rust text with its comments and the contents of its literals blanked out.

/// What a text scan has to read: code only, with line breaks kept.
///
/// A name in a comment, or in a log filter's string, is not a use of what it names.
pub fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skip(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

/// Lines of [`code`] that hold anything.
pub fn code_lines(text: &str) -> usize {
    // A literal is blank afterwards, but its line still ends with a comma or a bracket, or is a line
    // of a longer literal: data, and not counted.
    code(text).lines().filter(|line| !line.trim().is_empty()).count()
}

/// Where the comment or literal that starts here ends; here, if none does.
fn skip(chars: &[char], at: usize) -> usize {
    let next = |offset: usize| chars.get(at + offset).copied();
    match chars[at] {
        '/' if next(1) == Some('/') => find(chars, at, |i| chars[i] == '\n'),
        '/' if next(1) == Some('*') => block_comment(chars, at),
        '"' => quoted(chars, at + 1),
        'r' if !follows_a_word(chars, at) => raw(chars, at),
        'b' if !follows_a_word(chars, at) && next(1) == Some('r') => match raw(chars, at + 1) {
            end if end == at + 1 => at,
            end => end,
        },
        // A char literal, and not a lifetime: a quote follows one char, or an escape.
        '\'' if next(1) == Some('\\') => find(chars, at + 3, |i| chars[i] == '\'') + 1,
        '\'' if next(2) == Some('\'') => at + 3,
        _ => at,
    }
    .min(chars.len())
}

fn follows_a_word(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_')
}

fn find(chars: &[char], from: usize, stop: impl Fn(usize) -> bool) -> usize {
    (from..chars.len()).find(|i| stop(*i)).unwrap_or(chars.len())
}

fn quoted(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// `r"…"`, `r#"…"#`; `at` is the `r`. A raw identifier such as `r#type` is none.
fn raw(chars: &[char], at: usize) -> usize {
    let open = find(chars, at + 1, |i| chars[i] != '#');
    if chars.get(open) != Some(&'"') {
        return at;
    }
    let hashes = open - at - 1;
    let closes = |i: usize| {
        chars[i] == '"' && chars[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    find(chars, open + 1, closes) + 1 + hashes
}

fn block_comment(chars: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut i = at;
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

#[test]
fn comments_and_literals_are_blank_and_code_is_not() {
    let cases = [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("x \" y", g)"#, "f(        , g)"),
        ("r#\"a \"quoted\" b\"# + c", "                    + c"),
        ("br\"x\"; bravo; r#type", "     ; bravo; r#type"),
        ("'a' '\\'' '\\n' &'a str", "                &'a str".get(2..).unwrap_or("")),
    ];
    for (text, want) in cases {
        assert_eq!(
            code(text).split_whitespace().collect::<Vec<_>>(),
            want.split_whitespace().collect::<Vec<_>>()
        );
        assert_eq!(code(text).chars().count(), text.chars().count());
    }
    assert_eq!(code_lines("//! doc\n\nfn a() {\n    // why\n    b();\n}\n"), 3);
}
