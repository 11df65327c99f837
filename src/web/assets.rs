//! Style sheets, scripts and icons: within the program in a release, read from the disk in a debug
//! build. One hash names the whole set, so that relative imports between files stay within it.

use super::error::ApiError;
use crate::digitless;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Path;
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// A file under its hash never changes.
pub(super) const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Everything under `templates/`.
#[derive(RustEmbed)]
#[folder = "templates/"]
pub(super) struct Files;

/// What a browser may fetch: folder, ending, content type.
const SERVED: [(&str, &str, &str); 3] = [
    ("css/", ".css", "text/css; charset=utf-8"),
    ("js/", ".js", "text/javascript; charset=utf-8"),
    ("icons/", ".svg", "image/svg+xml"),
];

fn content_type(path: &str) -> Option<&'static str> {
    let within = !path.contains("..") && !path.contains("//");
    let kind = |(folder, ending, _): &&(&str, &str, &str)| path.starts_with(folder) && path.ends_with(ending);
    SERVED.iter().filter(|_| within).find(kind).map(|(_, _, kind)| *kind)
}

/// The file, if a browser may have it.
fn file(path: &str) -> Option<(EmbeddedFile, &'static str)> {
    let kind = content_type(path)?;
    Some((Files::get(path)?, kind))
}

fn hash_now() -> String {
    let mut names: Vec<_> = Files::iter().filter(|name| content_type(name).is_some()).collect();
    names.sort_unstable();
    let mut hasher = Sha256::new();
    for (name, file) in names.iter().filter_map(|name| Some((name, Files::get(name)?))) {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(file.metadata.sha256_hash());
    }
    digitless::text(&hasher.finalize()[..8])
}

/// The hash of the whole set.
pub(super) fn hash() -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    match cfg!(debug_assertions) {
        true => hash_now(),
        false => HASH.get_or_init(hash_now).clone(),
    }
}

/// Where a file is; `None` if there is none of that name.
pub(super) fn url(path: &str) -> Option<String> {
    file(path).map(|_| format!("/assets/{}/{path}", hash()))
}

/// An icon as markup; `None` if there is none of that name.
pub(super) fn icon(name: &str) -> Option<String> {
    let known = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let (file, _) = file(&format!("icons/{name}.svg")).filter(|_| known)?;
    String::from_utf8(file.data.into_owned()).ok().map(|svg| svg.trim().to_owned())
}

/// A file of the set, to keep for ever; a hash of another release is nothing that is here.
pub(super) async fn serve(path: Path<(String, String)>) -> Result<HttpResponse, ApiError> {
    let (set, path) = path.into_inner();
    let (file, kind) = file(&path).filter(|_| set == hash()).ok_or(ApiError::NotFound)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CACHE_CONTROL, FOR_EVER))
        .body(file.data))
}

/// The icon in the browser's tab.
pub(super) async fn favicon() -> Result<HttpResponse, ApiError> {
    let (file, kind) = file("icons/favicon.svg").ok_or(ApiError::NotFound)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CACHE_CONTROL, "public, max-age=86400"))
        .body(file.data))
}
