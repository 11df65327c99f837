//! The hash of what was configured: what `serve` read, and the tenant's manifest as it was understood.
//! Secrets are left out, so the hash tells nothing of them and does not change with them.

use super::body::{role_word, style_word};
use super::canonical;
use crate::config::Config;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use tonewall_model::ids::TenantId;
use tonewall_model::tenant::{
    AddressCheck, Branding, CapturePlan, Crm, EndKey, GatewayKind, NumberRoute, Tenant, Transport,
};
use tonewall_store::base64;

/// The hash of each tenant: SHA-256 of the canonical JSON, base64.
pub fn hashes(config: &Config, tenants: &[Arc<Tenant>]) -> HashMap<TenantId, String> {
    let served = of_config(config);
    let hash = |tenant: &Tenant| {
        let whole = json!({ "config": served, "tenant": of_tenant(tenant) });
        let text = canonical::render(&whole).expect("it has no broken numbers");
        base64::encode(&Sha256::digest(text.as_bytes()))
    };
    tenants.iter().map(|tenant| (tenant.id.clone(), hash(tenant))).collect()
}

/// Destructured without a rest, here and below: a new key does not compile until it is in the hash.
fn of_config(config: &Config) -> Value {
    let Config {
        sip,
        media,
        http,
        metrics_listen,
        mail,
        database,
        evidence_key,
        tenants_dir,
        tap_folder,
        calls_per_tenant_max,
        arbiters,
        log,
        drain_grace,
    } = config;
    let scheme = database.url.expose().split(':').next();
    json!({
        "sip": { "listen": sip.listen.to_string(), "advertised": sip.advertised.map(|ip| ip.to_string()),
            "t1_ms": ms(sip.t1) },
        "media": { "bind": media.bind.to_string(), "threads": media.threads,
            "advertised": media.advertised.map(|ip| ip.to_string()),
            "first_port": media.ports.start(), "last_port": media.ports.end() },
        "http": { "listen": http.listen.to_string(), "secure_cookies": http.secure_cookies,
            "trusted_proxies": http.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>() },
        "metrics_listen": metrics_listen.to_string(),
        "mail": mail.as_ref().map(|mail| json!({ "host": mail.host, "port": mail.port, "tls": mail.tls,
            "from": mail.from, "signs_in": mail.credentials.is_some() })),
        "database": scheme,
        "evidence_key": evidence_key.as_ref().map(|key| key.public().id()),
        "tenants_dir": tenants_dir.display().to_string(),
        "tap_folder": tap_folder.as_ref().map(|folder| folder.display().to_string()),
        "calls_per_tenant_max": calls_per_tenant_max,
        "arbiters": arbiters,
        "log": { "filter": log.filter, "format": format!("{:?}", log.format) },
        "drain_grace_ms": ms(*drain_grace),
    })
}

fn of_tenant(tenant: &Tenant) -> Value {
    let Tenant {
        id,
        name,
        currency,
        time_zone,
        trunks,
        numbers,
        agents,
        capture,
        mask,
        dial_tone_hz,
        tap,
        branding,
        gateway,
        crm,
        api_token: _,
    } = tenant;
    let kind = match gateway.kind {
        GatewayKind::Sandbox => "sandbox",
    };
    json!({
        "id": id.as_str(),
        "name": name,
        "currency": currency.code(),
        "time_zone": time_zone,
        "trunks": trunks.iter().map(|trunk| json!({
            "id": trunk.id, "role": role_word(trunk.role), "address": trunk.address.to_string(),
            "peers": trunk.peers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "transport": match trunk.transport { Transport::Udp => "udp", Transport::Tcp => "tcp" },
            "nat": trunk.nat, "username": trunk.credential.as_ref().map(|own| &own.username),
            "calls_per_s_max": trunk.calls_per_s_max,
        })).collect::<Vec<_>>(),
        "numbers": numbers.iter().map(|own| json!({ "number": own.number, "route": of_route(&own.route) }))
            .collect::<Vec<_>>(),
        "agents": agents.iter().map(|agent| json!({ "id": agent.id.0, "name": agent.name,
            "extension": agent.extension, "signs_in": agent.password_hash.is_some() })).collect::<Vec<_>>(),
        "capture": of_capture(capture),
        "mask": style_word(*mask),
        "dial_tone_hz": dial_tone_hz,
        "tap": tap,
        "branding": of_branding(branding),
        "gateway": { "kind": kind, "url": gateway.url, "merchant": gateway.merchant,
            "timeout_ms": ms(gateway.timeout) },
        "crm": match crm { Crm::None => None, Crm::Rest { url, token: _ } => Some(url) },
    })
}

fn of_route(route: &NumberRoute) -> Value {
    match route {
        NumberRoute::InPath { trunk, extension, secure_code } => json!({
            "kind": "in_path", "trunk": trunk, "extension": extension, "secure_code": secure_code }),
        NumberRoute::OnDemand { trunk } => json!({ "kind": "on_demand", "trunk": trunk }),
    }
}

fn of_capture(plan: &CapturePlan) -> Value {
    let CapturePlan { end_key, first_key, between_keys, total, tries, brands, address } = plan;
    json!({
        "end_key": match end_key { EndKey::Star => "*", EndKey::Hash => "#" },
        "first_key_ms": ms(*first_key),
        "between_keys_ms": ms(*between_keys),
        "total_ms": ms(*total),
        "tries": tries,
        "brands": brands.iter().map(|brand| brand.as_str()).collect::<Vec<_>>(),
        "address": match address {
            AddressCheck::Off => "off",
            AddressCheck::Typed => "typed",
            AddressCheck::Keyed => "keyed",
        },
    })
}

fn of_branding(branding: &Branding) -> Value {
    let Branding { colour, statement_name, legal_name, address, help, refund_policy, reply_to, logo } =
        branding;
    json!({
        "colour": colour, "statement_name": statement_name, "legal_name": legal_name, "address": address,
        "help": help, "refund_policy": refund_policy, "reply_to": reply_to,
        "logo": logo.as_ref().map(|png| base64::encode(&Sha256::digest(png))),
    })
}

fn ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
