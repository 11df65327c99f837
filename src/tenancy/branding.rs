//! How a tenant looks: colours, names, the texts of its receipts, and its logo.

use super::fields;
use crate::config::Section;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path};
use tonewall_model::tenant::Branding;

/// Largest logo in bytes: it travels with every receipt.
const LOGO_BYTES_MAX: u64 = 20 * 1024;

/// Longest side of a logo in pixels; it is shown at a tenth of that.
const LOGO_SIDE_MAX: u32 = 2_000;

/// Longest line of an address or of how to get help.
const LINE_LEN_MAX: usize = 200;

/// Longest words on refunds and cancellation.
const POLICY_LEN_MAX: usize = 500;

/// What a PNG file begins with (ISO/IEC 15948 §5.2), and then the length and type of its first chunk.
const PNG_HEAD: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR";

/// The section, or `None` with problems noted. A logo's file starts from `folder`.
pub(super) fn read(section: &Section<'_>, folder: &Path) -> Option<Branding> {
    let colour = section.need("colour").text(fields::colour);
    let statement_name = section.need("statement_name").text(fields::statement_name);
    let legal_name = section.need("legal_name").text(fields::name);
    let line = |text: &str| fields::line(text, LINE_LEN_MAX);
    let address = section.need("address").text(line);
    let help = section.need("help").text(line);
    let refund_policy = section.need("refund_policy").text(|text| fields::line(text, POLICY_LEN_MAX));
    let reply_to = section.need("reply_to").text(fields::mail_address);
    let logo = section.may("logo").text(|name| logo(folder, name));
    section.finish();
    Some(Branding {
        colour: colour?,
        statement_name: statement_name?,
        legal_name: legal_name?,
        address: address?,
        help: help?,
        refund_policy: refund_policy?,
        reply_to: reply_to?,
        logo,
    })
}

/// The bytes of a PNG file within the folder.
fn logo(folder: &Path, name: &str) -> Result<Vec<u8>, &'static str> {
    let path = Path::new(name);
    let within = path.components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !within {
        return Err("must be the path of a file within this folder");
    }
    let file = File::open(folder.join(path)).map_err(|_| "the file cannot be opened")?;
    let mut bytes = Vec::new();
    file.take(LOGO_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|_| "the file cannot be read")?;
    if bytes.len() as u64 > LOGO_BYTES_MAX {
        return Err("the file is larger than 20 KiB");
    }
    let side = |at: usize| {
        let four = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(four)).filter(|side| (1..=LOGO_SIDE_MAX).contains(side))
    };
    let sized = side(PNG_HEAD.len()).is_some() && side(PNG_HEAD.len() + 4).is_some();
    if !bytes.starts_with(PNG_HEAD) || !sized {
        return Err("the file is no PNG of at most 2000 by 2000 pixels");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::tests::Folder;

    #[test]
    fn a_logo_is_a_small_png_within_the_folder() {
        let folder = Folder::new("logo");
        let png = |width: u32, height: u32, len: usize| {
            let mut bytes = [PNG_HEAD, &width.to_be_bytes(), &height.to_be_bytes()].concat();
            bytes.resize(len, 0);
            bytes
        };
        std::fs::create_dir(folder.path().join("logos")).expect("a folder");
        folder.write("logos/good.png", &png(200, 80, 20 * 1024));
        folder.write("big.png", &png(200, 80, 20 * 1024 + 1));
        folder.write("wide.png", &png(2_001, 80, 100));
        folder.write("flat.png", &png(200, 0, 100));
        folder.write("cut.png", &png(200, 80, 22));
        folder.write("logo.svg", b"<svg/>");
        assert_eq!(logo(folder.path(), "logos/good.png"), Ok(png(200, 80, 20 * 1024)));
        let outside = "must be the path of a file within this folder";
        let no_png = "the file is no PNG of at most 2000 by 2000 pixels";
        let cases = [
            ("", outside),
            ("../good.png", outside),
            ("logos/../../good.png", outside),
            ("/etc/hostname", outside),
            ("none.png", "the file cannot be opened"),
            ("logos", "the file cannot be read"),
            ("big.png", "the file is larger than 20 KiB"),
            ("wide.png", no_png),
            ("flat.png", no_png),
            ("cut.png", no_png),
            ("logo.svg", no_png),
        ];
        for (name, expected) in cases {
            assert_eq!(logo(folder.path(), name), Err(expected), "{name}");
        }
    }
}
