//! Black or white on a tenant's colour, by computed contrast.

/// The one of black and white that can better be read on `#rrggbb`; `None` where that is no colour.
///
/// Its contrast is 4.58:1 at least, whatever the colour: enough for text of any size (WCAG 2.2,
/// 1.4.3).
pub(super) fn ink_on(colour: &str) -> Option<&'static str> {
    let ground = luminance(colour)?;
    let white = contrast(1.0, ground);
    let black = contrast(0.0, ground);
    Some(if white >= black { "#ffffff" } else { "#000000" })
}

/// WCAG 2.2, "contrast ratio".
fn contrast(a: f64, b: f64) -> f64 {
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// WCAG 2.2, "relative luminance".
fn luminance(colour: &str) -> Option<f64> {
    let digits = colour.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let channel = |at: usize| {
        let value = u8::from_str_radix(&digits[at..at + 2], 16).ok()?;
        let share = f64::from(value) / 255.0;
        Some(if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) })
    };
    Some(0.2126 * channel(0)? + 0.7152 * channel(2)? + 0.0722 * channel(4)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_be_read_on_every_colour() {
        for (colour, ink) in [
            ("#000000", "#ffffff"),
            ("#ffffff", "#000000"),
            ("#1d4fd7", "#ffffff"),
            ("#ffd400", "#000000"),
            ("#0B6B3E", "#ffffff"),
            ("#777777", "#000000"),
        ] {
            assert_eq!(ink_on(colour), Some(ink), "{colour}");
        }
        for step in 0..4096_u32 {
            let [r, g, b] = [step >> 8, step >> 4, step].map(|part| (part & 15) * 17);
            let colour = format!("#{r:02x}{g:02x}{b:02x}");
            let (ground, ink) = (luminance(&colour), ink_on(&colour).and_then(luminance));
            assert!(contrast(ground.unwrap(), ink.unwrap()) >= 4.5, "{colour}");
        }
    }

    #[test]
    fn what_is_no_colour() {
        for text in ["", "#fff", "1d4fd7", "#1d4fd", "#1d4fd7a", "#+d4fd7", "#1d4f\u{e9}", "red"] {
            assert_eq!(ink_on(text), None, "{text}");
        }
    }
}
