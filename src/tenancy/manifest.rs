//! One manifest: TOML to a [`Tenant`], with what it claims of things that must be its alone.

use super::secrets::Secrets;
use super::{branding, fields, password};
use crate::config::{Place, Section, Value};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tonewall_model::ids::{AgentId, TenantId};
use tonewall_model::money::Currency;
use tonewall_model::tenant::{
    AddressCheck, Agent, Brand, CapturePlan, Credential, Crm, EndKey, GatewayAccount, GatewayKind, MaskStyle,
    Number, NumberRoute, Tenant, Transport, Trunk, TrunkRole,
};
use tonewall_secret::Secret;

/// Time zone of a tenant whose manifest does not say.
const TIME_ZONE_DEFAULT: &str = "Europe/London";

/// New calls a second of a trunk whose manifest does not say.
const CALLS_PER_S_DEFAULT: u32 = 10;

/// A value and where it stands.
pub(super) type At<T> = (T, Place);

/// What must be unique or must exist, read from tenants that are otherwise broken too.
#[derive(Default)]
pub(super) struct Claims {
    pub(super) tenant_id: Option<At<TenantId>>,
    pub(super) api_token: Option<At<Secret<String>>>,
    pub(super) trunk_ids: Vec<At<String>>,
    pub(super) peers: Vec<At<IpAddr>>,
    pub(super) trunk_refs: Vec<At<String>>,
    /// Whether a trunk could not be read, so that a reference may be to that one.
    pub(super) trunk_unnamed: bool,
    pub(super) numbers: Vec<At<String>>,
    /// Indices of the `numbers` that have a PIN dialled behind them.
    pub(super) on_demand: Vec<usize>,
    pub(super) agent_ids: Vec<At<String>>,
    pub(super) pins: Vec<At<Secret<String>>>,
}

/// What reading a manifest needs beside its text.
pub(super) struct Reader<'a> {
    secrets: &'a Secrets,
    /// Where relative `file:` references start.
    folder: &'a Path,
    /// Whether the manifest is of a demo, whose secrets are none and may stand in it.
    demo: bool,
    pub(super) claims: Claims,
}

impl<'a> Reader<'a> {
    pub(super) fn new(secrets: &'a Secrets, folder: &'a Path) -> Reader<'a> {
        Reader { secrets, folder, demo: false, claims: Claims::default() }
    }

    /// The tenant, or `None` with problems noted at the source of `root`.
    pub(super) fn tenant(&mut self, root: &Section<'_>) -> Option<Tenant> {
        self.demo = root.may("demo").flag().unwrap_or(false);
        let id = root.need("id");
        let id_read = id.text(fields::tenant_id);
        self.claims.tenant_id = id_read.clone().map(|read| (read, id.place()));
        let name = root.need("name").text(fields::name);
        let currency = root.need("currency").text(currency);
        let zone = root.may("time_zone").text(fields::time_zone);
        let mask = root.may("mask").word(MASKS).unwrap_or(MaskStyle::Tone);
        let dial_tone_hz = dial_tone(&root.may("dial_tone_hz"));
        let tap = root.may("tap").flag().unwrap_or(false);
        let token = root.need("api_token");
        let api_token = self.secret(&token, fields::api_token);
        self.claims.api_token = api_token.as_ref().map(|read| (copy(read), token.place()));
        let branding = root.need("branding").section();
        let branding = branding.and_then(|section| branding::read(&section, self.folder));
        let capture = root.need("capture").section().and_then(|section| capture(&section));
        let gateway = root.need("gateway").section().and_then(|section| self.gateway(&section));
        let crm = root.need("crm").section().and_then(|section| self.crm(&section));
        let trunks = each(&root.need("trunks"), |section| self.trunk(section));
        let numbers = each(&root.need("numbers"), |section| self.number(section));
        let agents = each(&root.need("agents"), |section| self.agent(section));
        root.finish();
        Some(Tenant {
            id: id_read?,
            name: name?,
            currency: currency?,
            time_zone: zone.unwrap_or_else(|| TIME_ZONE_DEFAULT.to_owned()),
            trunks: trunks?,
            numbers: numbers?,
            agents: agents?,
            capture: capture?,
            mask,
            dial_tone_hz,
            tap,
            branding: branding?,
            gateway: gateway?,
            crm: crm?,
            api_token: api_token?,
        })
    }

    fn trunk(&mut self, section: &Section<'_>) -> Option<Trunk> {
        let id = located(&section.need("id"), fields::slug);
        self.claims.trunk_unnamed |= id.is_none();
        self.claims.trunk_ids.extend(id.clone());
        let role = section.need("role").word(ROLES);
        let peers = section.need("peers").items();
        let count = peers.len();
        let peers: Vec<_> = peers.iter().filter_map(|peer| located(peer, peer_ip)).collect();
        self.claims.peers.extend(peers.iter().cloned());
        let address = section.need("address").text(trunk_address);
        let transport = section.may("transport").word(TRANSPORTS).unwrap_or(Transport::Udp);
        let nat = section.may("nat").flag().unwrap_or(false);
        let calls_per_s_max = section.may("calls_per_s_max").integer(1..=1000).unwrap_or(CALLS_PER_S_DEFAULT);
        let value = section.may("credential");
        let credential = value.section().and_then(|section| self.credential(&section));
        section.finish();
        let whole = count > 0 && peers.len() == count;
        Some(Trunk {
            id: id?.0,
            role: role?,
            peers: whole.then(|| peers.into_iter().map(|(peer, _)| peer).collect())?,
            address: address?,
            transport,
            nat,
            credential,
            calls_per_s_max,
        })
    }

    fn credential(&self, section: &Section<'_>) -> Option<Credential> {
        let username = section.need("username").text(fields::number);
        let password = self.secret(&section.need("password"), fields::credential);
        section.finish();
        Some(Credential { username: username?, password: password? })
    }

    fn number(&mut self, section: &Section<'_>) -> Option<Number> {
        let number = located(&section.need("number"), fields::number);
        let route = section.need("route").word(&[("in_path", false), ("on_demand", true)]);
        let trunk = located(&section.need("trunk"), fields::slug);
        self.claims.trunk_refs.extend(trunk.clone());
        if let Some(number) = number.clone() {
            self.claims.on_demand.extend((route == Some(true)).then_some(self.claims.numbers.len()));
            self.claims.numbers.push(number);
        }
        let route = match route {
            Some(true) => trunk.map(|(trunk, _)| NumberRoute::OnDemand { trunk }),
            Some(false) => {
                let extension = section.need("extension").text(fields::number);
                let secure_code = section.may("secure_code").text(fields::secure_code).unwrap_or_default();
                let build = |((trunk, _), extension)| NumberRoute::InPath { trunk, extension, secure_code };
                trunk.zip(extension).map(build)
            }
            None => {
                section.know(&["extension", "secure_code"]);
                None
            }
        };
        section.finish();
        Some(Number { number: number?.0, route: route? })
    }

    fn agent(&mut self, section: &Section<'_>) -> Option<Agent> {
        let id = located(&section.need("id"), fields::slug);
        self.claims.agent_ids.extend(id.clone());
        let name = section.need("name").text(fields::name);
        let extension = section.need("extension").text(fields::number);
        let value = section.need("pin");
        let pin = self.secret(&value, fields::pin);
        self.claims.pins.extend(pin.as_ref().map(|pin| (copy(pin), value.place())));
        let password_hash = self.password_hash(&section.may("password_hash"));
        section.finish();
        Some(Agent { id: AgentId(id?.0), name: name?, extension: extension?, pin: pin?, password_hash })
    }

    /// A hash, as it is or by reference: it is slow to turn back, so that it may stand in a manifest.
    fn password_hash(&self, value: &Value<'_>) -> Option<Secret<String>> {
        let hash = value.text(|text| match self.secrets.resolve(text, self.folder) {
            Some(resolved) => resolved,
            None => Ok(Secret::new(text.to_owned())),
        })?;
        password::check_hash(hash.expose()).map_err(|expected| value.wrong(expected)).ok()?;
        Some(hash)
    }

    fn gateway(&self, section: &Section<'_>) -> Option<GatewayAccount> {
        let kind = section.need("kind").word(&[("sandbox", GatewayKind::Sandbox)]);
        let url = section.need("url").text(fields::base_url);
        let merchant = section.need("merchant").text(fields::merchant);
        let secret = self.secret(&section.need("secret"), fields::credential);
        let timeout = section.may("timeout_s").seconds(1..=120).unwrap_or(Duration::from_secs(30));
        section.finish();
        Some(GatewayAccount { kind: kind?, url: url?, merchant: merchant?, secret: secret?, timeout })
    }

    fn crm(&self, section: &Section<'_>) -> Option<Crm> {
        let crm = match section.need("kind").word(&[("none", false), ("rest", true)]) {
            Some(true) => {
                let url = section.need("url").text(fields::base_url);
                let token = self.secret(&section.need("token"), fields::credential);
                url.zip(token).map(|(url, token)| Crm::Rest { url, token })
            }
            Some(false) => Some(Crm::None),
            None => {
                section.know(&["url", "token"]);
                None
            }
        };
        section.finish();
        crm
    }

    /// A secret by reference, or in plain where the manifest is of a demo.
    fn secret(
        &self,
        value: &Value<'_>,
        check: impl FnOnce(&str) -> Result<(), &'static str>,
    ) -> Option<Secret<String>> {
        let secret = value.text(|text| match self.secrets.resolve(text, self.folder) {
            Some(resolved) => resolved,
            None if self.demo => Ok(Secret::new(text.to_owned())),
            None => Err("must be a reference, env:NAME or file:PATH; only a manifest with demo = true may hold the value"),
        })?;
        check(secret.expose()).map_err(|expected| value.wrong(expected)).ok()?;
        Some(secret)
    }
}

const MASKS: &[(&str, MaskStyle)] = &[
    ("tone", MaskStyle::Tone),
    ("silence", MaskStyle::Silence),
    ("comfort", MaskStyle::Comfort),
    ("closed", MaskStyle::Closed),
];
const ROLES: &[(&str, TrunkRole)] = &[("carrier_edge", TrunkRole::CarrierEdge), ("pbx", TrunkRole::Pbx)];
const TRANSPORTS: &[(&str, Transport)] = &[("udp", Transport::Udp), ("tcp", Transport::Tcp)];
const END_KEYS: &[(&str, EndKey)] = &[("*", EndKey::Star), ("#", EndKey::Hash)];
const ADDRESS_CHECKS: &[(&str, AddressCheck)] =
    &[("off", AddressCheck::Off), ("typed", AddressCheck::Typed), ("keyed", AddressCheck::Keyed)];

fn capture(section: &Section<'_>) -> Option<CapturePlan> {
    let end_key = section.may("end_key").word(END_KEYS).unwrap_or(EndKey::Star);
    let first_key = section.may("first_key_s").seconds(5..=300).unwrap_or(Duration::from_secs(30));
    let between_keys = section.may("between_keys_s").seconds(2..=60).unwrap_or(Duration::from_secs(10));
    let total = section.may("total_s").seconds(60..=1800).unwrap_or(Duration::from_secs(600));
    let tries = section.may("tries").integer(1..=10).unwrap_or(3);
    let address = section.may("address").word(ADDRESS_CHECKS).unwrap_or(AddressCheck::Off);
    let mut brands: Vec<Brand> = Vec::new();
    for item in section.need("brands").items() {
        match item.word(&Brand::ALL.map(|brand| (brand.as_str(), brand))) {
            Some(brand) if brands.contains(&brand) => item.wrong("is in the list already"),
            brand => brands.extend(brand),
        }
    }
    if first_key > total {
        section.wrong("total_s must not be less than first_key_s");
    }
    section.finish();
    Some(CapturePlan { end_key, first_key, between_keys, total, tries: tries as u8, brands, address })
}

/// The two tones of a dial tone, Hz: all known ones lie in these bounds, below the lowest key.
fn dial_tone(value: &Value<'_>) -> Option<[u16; 2]> {
    let items = value.items();
    let tones: Vec<u16> =
        items.iter().filter_map(|item| item.integer(300..=600)).filter_map(|hz| hz.try_into().ok()).collect();
    let pair = <[u16; 2]>::try_from(tones).ok();
    if pair.is_none() && !items.is_empty() && items.len() != 2 {
        value.wrong("must be a list of two frequencies; one tone alone is written twice");
    }
    pair
}

fn currency(text: &str) -> Result<Currency, &'static str> {
    Currency::parse(text).ok_or("must be the ISO 4217 code of a currency that payments can be taken in")
}

fn peer_ip(text: &str) -> Result<IpAddr, &'static str> {
    let peer = text.parse::<IpAddr>().ok().filter(|peer| !peer.is_unspecified());
    peer.map(|peer| peer.to_canonical()).ok_or("must be an IP address")
}

fn trunk_address(text: &str) -> Result<SocketAddr, &'static str> {
    let address = text.parse::<SocketAddr>().ok().filter(|a| a.port() != 0 && !a.ip().is_unspecified());
    address.ok_or("must be IP:PORT")
}

/// A text with its place.
fn located<T>(value: &Value<'_>, read: impl FnOnce(&str) -> Result<T, &'static str>) -> Option<At<T>> {
    value.text(read).map(|read| (read, value.place()))
}

/// All tables of a list, or `None` when one of them is broken; all of them are read.
fn each<T>(value: &Value<'_>, mut read: impl FnMut(&Section<'_>) -> Option<T>) -> Option<Vec<T>> {
    let items = value.items();
    let count = items.len();
    let whole: Vec<T> =
        items.iter().filter_map(|item| item.section().and_then(|section| read(&section))).collect();
    (count > 0 && whole.len() == count).then_some(whole)
}

/// For the comparison with others; wiped after it.
fn copy(secret: &Secret<String>) -> Secret<String> {
    Secret::new(secret.expose().clone())
}
