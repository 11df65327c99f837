//! From MJML to HTML, with handlebars marks left in.

use mrml::prelude::render::RenderOptions;

/// The tags that templates may use. The compiler accepts any other silently and drops its content.
const KNOWN: [&str; 20] = [
    "mjml",
    "mj-head",
    "mj-title",
    "mj-preview",
    "mj-raw",
    "mj-attributes",
    "mj-all",
    "mj-class",
    "mj-style",
    "mj-body",
    "mj-wrapper",
    "mj-section",
    "mj-group",
    "mj-column",
    "mj-text",
    "mj-table",
    "mj-image",
    "mj-button",
    "mj-divider",
    "mj-spacer",
];

/// Compiles one template; the error is for whoever wrote it.
pub(super) fn compile(mjml: &str) -> Result<String, String> {
    check_tags(mjml)?;
    let parsed = mrml::parse(mjml).map_err(|error| error.to_string())?;
    if let Some(warning) = parsed.warnings.first() {
        return Err(format!("{warning:?}"));
    }
    // Without a table of web fonts, no font name can make a letter fetch one.
    let options =
        RenderOptions { fonts: Default::default(), disable_comments: false, social_icon_origin: None };
    parsed.element.render(&options).map_err(|error| error.to_string())
}

/// Refuses tags that look like MJML and are not.
fn check_tags(mjml: &str) -> Result<(), String> {
    for after in mjml.split('<').skip(1) {
        let after = after.strip_prefix('/').unwrap_or(after);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(after.len());
        let tag = &after[..end];
        let looks_like_mjml = tag.starts_with("mj") || tag.contains('-') && !tag.starts_with('-');
        if looks_like_mjml && !KNOWN.contains(&tag) {
            return Err(format!("unknown tag <{tag}>"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(inner: &str) -> String {
        format!("<mjml><mj-body><mj-section><mj-column>{inner}</mj-column></mj-section></mj-body></mjml>")
    }

    #[test]
    fn marks_survive_the_compiler() {
        let html =
            compile(&body("<mj-text color=\"{{ink}}\">{{#if a}}{{a}}{{/if}}</mj-text>")).expect("compiles");
        assert!(html.contains("color:{{ink}}") && html.contains("{{#if a}}{{a}}{{/if}}"), "{html}");
    }

    #[test]
    fn misspelt_tags_are_found() {
        for tag in ["mj-sectoin", "mjx", "m-text", "mj-social"] {
            let bad = body(&format!("<{tag}>text</{tag}>"));
            assert_eq!(compile(&bad), Err(format!("unknown tag <{tag}>")));
        }
        assert!(compile("<mjml><mj-body>").is_err() && compile("").is_err());
        assert!(compile(&body("<mj-text><b>a</b><!-- c --></mj-text>")).is_ok());
    }

    #[test]
    fn no_font_is_fetched() {
        let html = compile(&body("<mj-text font-family=\"Ubuntu\">a</mj-text>")).expect("compiles");
        assert!(!html.contains("googleapis"), "{html}");
    }
}
