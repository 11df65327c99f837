//! What must hold between the values of a manifest, and between manifests.

use super::manifest::{At, Claims};
use crate::config::{Place, Problem};
use std::collections::BTreeMap;
use tonewall_secret::Secret;

/// What is wrong within one tenant.
pub(super) fn within(claims: &Claims) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(repeated(&claims.trunk_ids));
    // A peer of two trunks would have two roles, and evidence could not tell what is in scope.
    problems.extend(repeated(&claims.peers));
    problems.extend(repeated(&claims.agent_ids));
    problems.extend(repeated_secrets(&claims.pins));
    let missing = |(trunk, _): &&At<String>| !claims.trunk_ids.iter().any(|(id, _)| id == trunk);
    let all_known = !claims.trunk_unnamed && !claims.trunk_ids.is_empty();
    let refs = claims.trunk_refs.iter().filter(|_| all_known);
    problems
        .extend(refs.filter(missing).map(|(_, place)| Problem::new(place.clone(), "there is no such trunk")));
    problems
}

/// What is wrong between tenants, given those of all of them.
pub(super) fn across(tenants: &[Claims]) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(repeated(tenants.iter().filter_map(|tenant| tenant.tenant_id.as_ref())));
    // The token alone tells whose request it is.
    problems.extend(repeated_secrets(tenants.iter().filter_map(|tenant| tenant.api_token.as_ref())));
    problems.extend(repeated(tenants.iter().flat_map(|tenant| &tenant.numbers)));
    problems.extend(swallowed(tenants));
    problems
}

/// Numbers that begin with an on-demand number: `85001` cannot be told from `8500` and a PIN that
/// begins with 1, and the call would reach somebody else.
fn swallowed(tenants: &[Claims]) -> Vec<Problem> {
    let all: BTreeMap<&str, &Place> = tenants
        .iter()
        .flat_map(|tenant| &tenant.numbers)
        .map(|(number, place)| (number.as_str(), place))
        .collect();
    let on_demand =
        tenants.iter().flat_map(|tenant| tenant.on_demand.iter().map(|index| &tenant.numbers[*index]));
    let mut problems = Vec::new();
    for (short, at) in on_demand {
        let behind = all.range(short.as_str()..).take_while(|(number, _)| number.starts_with(short.as_str()));
        let longer = behind.filter(|(number, _)| number.len() > short.len());
        problems.extend(longer.map(|(_, place)| {
            Problem::new((*place).clone(), format!("begins with the on-demand number at {at}"))
        }));
    }
    problems
}

fn repeated<'a, K: Ord + 'a>(items: impl IntoIterator<Item = &'a At<K>>) -> Vec<Problem> {
    repeats(items.into_iter().map(|(key, place)| (key, place)))
}

fn repeated_secrets<'a>(items: impl IntoIterator<Item = &'a At<Secret<String>>>) -> Vec<Problem> {
    repeats(items.into_iter().map(|(secret, place)| (secret.expose(), place)))
}

fn repeats<'a, K: Ord>(items: impl Iterator<Item = (K, &'a Place)>) -> Vec<Problem> {
    let mut first: BTreeMap<K, &Place> = BTreeMap::new();
    let mut problems = Vec::new();
    for (key, place) in items {
        if let Some(first) = first.get(&key) {
            problems.push(Problem::new(place.clone(), format!("the same as at {first}")));
            continue;
        }
        first.insert(key, place);
    }
    problems
}
