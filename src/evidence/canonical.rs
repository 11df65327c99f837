//! Canonical JSON: each value has exactly one text. Keys sorted by their bytes, no blanks, whole
//! numbers only, and every character outside printable ASCII as `\u` and four hexadecimal digits.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A number is no whole number: no two programs write those alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotWhole;

/// The text of a value.
pub(super) fn render(value: &Value) -> Result<String, NotWhole> {
    let mut text = String::new();
    write_value(value, &mut text)?;
    Ok(text)
}

fn write_value(value: &Value, text: &mut String) -> Result<(), NotWhole> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) if number.is_u64() || number.is_i64() => text.push_str(&number.to_string()),
        Value::Number(_) => return Err(NotWhole),
        Value::String(string) => write_string(string, text),
        Value::Array(values) => {
            text.push('[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write_value(value, text)?;
            }
            text.push(']');
        }
        Value::Object(members) => {
            // Sorted here: what order the map itself keeps is up to a feature of its package.
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            text.push('{');
            for (place, (key, value)) in sorted.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write_string(key, text);
                text.push(':');
                write_value(value, text)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            ' '..='~' => text.push(c),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_text_a_value() {
        let value = json!({"b": [1, -2, true, null], "a": {"é\n": "\"\\/~\u{7f}😀", "": {}}, "B": []});
        let text = r#"{"B":[],"a":{"":{},"\u00e9\u000a":"\"\\/~\u007f\ud83d\ude00"},"b":[1,-2,true,null]}"#;
        assert_eq!(render(&value).as_deref(), Ok(text));
        assert_eq!(serde_json::from_str::<Value>(text).expect("JSON"), value);
        assert_eq!(render(&json!(u64::MAX)).as_deref(), Ok("18446744073709551615"));
        assert_eq!(render(&json!([1.0])), Err(NotWhole));
    }
}
