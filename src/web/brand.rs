//! A tenant's accent colour as a style sheet of its own: shifted until text in it and text on it can
//! be read (WCAG 2.2, 1.4.3: 4.5 to 1), in light and in dark.

use super::error::ApiError;
use crate::calls::Desk;
use crate::digitless;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Data, Path};
use sha2::{Digest, Sha256};
use std::fmt;
use tonewall_model::ids::TenantId;

/// The least contrast of text (WCAG 2.2, 1.4.3).
const CONTRAST_MIN: f64 = 4.5;

/// Steps from the tenant's colour to black or white.
const STEPS: u16 = 100;

/// The grounds on which the accent stands, and what is written on it, as in `templates/css`: in light
/// the sunken surface, in dark the raised one under a wash of the accent.
const LIGHT: Ground =
    Ground { nearest: Rgb(0xf2, 0xf2, 0xf0), on_accent: Rgb(0xff, 0xff, 0xff), end: Rgb(0, 0, 0) };
const DARK: Ground =
    Ground { nearest: Rgb(0x2a, 0x2c, 0x30), on_accent: Rgb(0x0b, 0x10, 0x20), end: Rgb(0xff, 0xff, 0xff) };

/// An sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rgb(u8, u8, u8);

/// One of the two schemes.
struct Ground {
    /// The surface with the least contrast to the accent.
    nearest: Rgb,
    /// Text on the accent.
    on_accent: Rgb,
    /// Where the accent is shifted to.
    end: Rgb,
}

impl Rgb {
    /// From `#rrggbb`.
    fn parse(text: &str) -> Option<Rgb> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Rgb(part(0)?, part(2)?, part(4)?))
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Contrast ratio (WCAG 2.2), 1 to 21.
    fn contrast(self, other: Rgb) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// `step` of [`STEPS`] on the way to `end`.
    fn towards(self, end: Rgb, step: u16) -> Rgb {
        let mix = |from: u8, to: u8| {
            let sum = u32::from(from) * u32::from(STEPS - step) + u32::from(to) * u32::from(step);
            u8::try_from(sum / u32::from(STEPS)).unwrap_or(u8::MAX)
        };
        Rgb(mix(self.0, end.0), mix(self.1, end.1), mix(self.2, end.2))
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// The nearest shade that can be read; the end of the way at worst, which always can.
fn legible(colour: Rgb, ground: &Ground) -> Rgb {
    let reads = |shade: &Rgb| {
        shade.contrast(ground.nearest) >= CONTRAST_MIN && shade.contrast(ground.on_accent) >= CONTRAST_MIN
    };
    (0..=STEPS).map(|step| colour.towards(ground.end, step)).find(reads).unwrap_or(ground.end)
}

/// The tenant's style sheet; without a colour that can be read as one, the product's own stays.
pub(super) fn style_sheet(colour: &str) -> String {
    let Some(colour) = Rgb::parse(colour) else { return String::new() };
    let (light, dark) = (legible(colour, &LIGHT), legible(colour, &DARK));
    format!(
        "@layer tokens {{\n  :root {{\n    --accent: light-dark({light}, {dark});\n    --brand: {colour};\n  }}\n}}\n"
    )
}

fn hash_of(tenant: &TenantId, css: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(tenant.as_str());
    hasher.update([0]);
    hasher.update(css);
    digitless::text(&hasher.finalize()[..8])
}

/// Where a tenant's style sheet is.
pub(super) fn url(tenant: &TenantId, colour: &str) -> String {
    format!("/brand/{tenant}/{}.css", hash_of(tenant, &style_sheet(colour)))
}

/// The style sheet; only under its own hash, so that it may be kept for ever.
pub(super) async fn serve(desk: Data<Desk>, path: Path<(String, String)>) -> Result<HttpResponse, ApiError> {
    let (slug, file) = path.into_inner();
    let tenants = desk.around().tenants.snapshot();
    let id = TenantId::parse(&slug).ok_or(ApiError::NotFound)?;
    let tenant = tenants.tenant(&id).ok_or(ApiError::NotFound)?;
    let css = style_sheet(&tenant.branding.colour);
    if file.strip_suffix(".css") != Some(&hash_of(&id, &css)) {
        return Err(ApiError::NotFound);
    }
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/css; charset=utf-8"))
        .insert_header((CACHE_CONTROL, super::assets::FOR_EVER))
        .body(css))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_ends_up_legible_in_both_schemes() {
        for (red, green, blue) in (0..=255u8)
            .step_by(17)
            .flat_map(|r| (0..=255u8).step_by(17).map(move |g| (r, g)))
            .flat_map(|(r, g)| (0..=255u8).step_by(17).map(move |b| (r, g, b)))
        {
            for ground in [&LIGHT, &DARK] {
                let shade = legible(Rgb(red, green, blue), ground);
                assert!(shade.contrast(ground.nearest) >= CONTRAST_MIN, "{shade} of {red} {green} {blue}");
                assert!(shade.contrast(ground.on_accent) >= CONTRAST_MIN, "{shade} of {red} {green} {blue}");
            }
        }
    }

    #[test]
    fn a_colour_that_reads_stays_as_it_is() {
        let own = Rgb(0x1d, 0x4e, 0xd8);
        assert_eq!(legible(own, &LIGHT), own);
        assert_ne!(legible(Rgb(0xff, 0xee, 0x00), &LIGHT), Rgb(0xff, 0xee, 0x00));
    }

    #[test]
    fn contrast_is_the_one_of_the_standard() {
        let (black, white) = (Rgb(0, 0, 0), Rgb(255, 255, 255));
        assert!((black.contrast(white) - 21.0).abs() < 1e-9);
        // #767676 is the lightest grey that passes on white.
        assert!(Rgb(0x76, 0x76, 0x76).contrast(white) >= 4.5);
        assert!(Rgb(0x77, 0x77, 0x77).contrast(white) < 4.5);
    }

    #[test]
    fn what_is_no_colour_gives_no_rule() {
        for bad in ["", "teal", "#12345", "#1234567", "#12345g", "#ééé", "}*{"] {
            assert_eq!(style_sheet(bad), "", "{bad}");
        }
        assert!(style_sheet("#0f766e").contains("--brand: #0f766e;"));
    }
}
