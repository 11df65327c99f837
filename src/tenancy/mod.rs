//! Tenants: from the manifests of a folder to checked [`Tenant`]s, and who is meant by a number, an
//! address or a token.
//!
//! | file | holds |
//! |---|---|
//! | `manifest` | the keys of a manifest |
//! | `fields` | what their texts may be |
//! | `branding` | how a tenant looks, its logo |
//! | `password` | hashes of passwords: checked and made |
//! | `check` | what must hold between keys and between tenants |
//! | `secrets` | `env:` and `file:` references |
//! | `directory` | [`Directory`]: lookups; [`Tenants`]: the present directory |
//!
//! Nothing of a folder is used unless all of it is right: half a set of tenants would send calls of
//! the other half to nobody.

mod branding;
mod check;
mod directory;
mod fields;
mod manifest;
mod password;
mod secrets;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod tests_problems;

pub use directory::{Directory, Tenants};
pub(crate) use fields::mail_address;
pub use password::{NoHash, hash as hash_password};
pub use secrets::Secrets;

use crate::config::{Place, Problem, Problems, Section, Source, text_of};
use manifest::{Claims, Reader};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tonewall_model::tenant::{Crm, Tenant};

/// What a demo or a test puts in place of addresses in manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// By slug of the tenant and name of the trunk.
    pub trunk_address: BTreeMap<(String, String), SocketAddr>,
    /// Base URL of every tenant's gateway.
    pub gateway_url: Option<String>,
    /// Base URL of the CRM of every tenant that has one.
    pub crm_url: Option<String>,
}

/// Reads every `*.toml` of a folder, strictly.
///
/// # Errors
/// Everything that is wrong with any of them, at once.
pub fn load(folder: &Path, secrets: &Secrets) -> Result<Vec<Arc<Tenant>>, Problems> {
    load_with(folder, secrets, &Overrides::default())
}

/// Like [`load`], with some addresses replaced after the check.
///
/// # Errors
/// Also overrides that are wrong, or of trunks that do not exist.
pub fn load_with(
    folder: &Path,
    secrets: &Secrets,
    overrides: &Overrides,
) -> Result<Vec<Arc<Tenant>>, Problems> {
    let (files, mut problems) = texts(folder);
    let mut tenants: Vec<Option<Tenant>> = Vec::new();
    let mut claims: Vec<Claims> = Vec::new();
    for (name, text) in &files {
        let (tenant, claimed, found) = read(name, text, secrets, folder);
        problems.extend(found);
        tenants.push(tenant);
        claims.push(claimed);
    }
    problems.extend(claims.iter().flat_map(check::within));
    problems.extend(check::across(&claims));
    let mut whole: Option<Vec<Tenant>> = tenants.into_iter().collect();
    if let Some(tenants) = &mut whole {
        problems.extend(apply(overrides, tenants));
    }
    let tenants = Problems::check(problems, whole)?;
    Ok(tenants.into_iter().map(Arc::new).collect())
}

/// One manifest.
fn read(name: &str, text: &str, secrets: &Secrets, folder: &Path) -> (Option<Tenant>, Claims, Vec<Problem>) {
    let source = Source::new(name, text);
    let mut reader = Reader::new(secrets, folder);
    let tree = source.parse();
    let tenant = tree.as_ref().and_then(|tree| reader.tenant(&Section::root(&source, tree)));
    let claims = reader.claims;
    drop(tree);
    (tenant, claims, source.into_problems())
}

/// Names and texts of a folder's manifests, by name.
fn texts(folder: &Path) -> (BTreeMap<String, String>, Vec<Problem>) {
    let at_folder = |text: &str| Problem::new(Place::of(folder.display().to_string()), text);
    let Ok(entries) = std::fs::read_dir(folder) else {
        return (BTreeMap::new(), vec![at_folder("the folder of manifests cannot be read")]);
    };
    let (mut files, mut problems) = (BTreeMap::new(), Vec::new());
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(".toml") || name.starts_with('.') {
            continue;
        }
        match text_of(&path) {
            Ok(text) => drop(files.insert(name, text)),
            Err(text) => problems.push(Problem::new(Place::of(name), text)),
        }
    }
    if files.is_empty() && problems.is_empty() {
        problems.push(at_folder("there is no manifest (*.toml) in this folder"));
    }
    (files, problems)
}

fn apply(overrides: &Overrides, tenants: &mut [Tenant]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for ((tenant, trunk), address) in &overrides.trunk_address {
        let known = tenants.iter_mut().find(|known| known.id.as_str() == tenant);
        match known.and_then(|known| known.trunks.iter_mut().find(|known| known.id == *trunk)) {
            Some(trunk) => trunk.address = *address,
            None => problems.push(wrong_override("trunk_address", "there is no such trunk")),
        }
    }
    let mut url = |key, url: &Option<String>| {
        let read = url.as_deref().map(fields::base_url)?;
        read.map_err(|expected| problems.push(wrong_override(key, expected))).ok()
    };
    let gateway_url = url("gateway_url", &overrides.gateway_url);
    let crm_url = url("crm_url", &overrides.crm_url);
    for tenant in tenants {
        if let Some(given) = &gateway_url {
            tenant.gateway.url.clone_from(given);
        }
        if let (Some(given), Crm::Rest { url, .. }) = (&crm_url, &mut tenant.crm) {
            url.clone_from(given);
        }
    }
    problems
}

/// What a configuration lacks for these tenants.
///
/// # Errors
/// Tenants whose masked calls are to be written to files, and no folder for them.
pub fn suits(tenants: &[Arc<Tenant>], tap_folder: Option<&Path>) -> Result<(), Problems> {
    let tapped = tenants.iter().filter(|tenant| tenant.tap && tap_folder.is_none());
    let problems = tapped.map(|tenant| {
        let words = format!("is not set, and the manifest of {} has tap = true", tenant.id);
        Problem::new(Place::key("configuration", "tap.folder"), words)
    });
    Problems::check(problems.collect(), Some(()))
}

fn wrong_override(key: &str, text: &str) -> Problem {
    Problem::new(Place::key("overrides", key), text)
}
