//! The validated tenant: what a call needs to know of the organisation whose call it is.
//!
//! A call keeps the tenant it started with; a changed manifest serves the next call.

use crate::ids::{AgentId, TenantId};
use crate::money::Currency;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tonewall_secret::Secret;

/// An organisation, as its manifest describes it, checked as a whole.
pub struct Tenant {
    /// Its slug.
    pub id: TenantId,
    /// Its name, as agents and customers know it.
    pub name: String,
    /// Currency of its payments.
    pub currency: Currency,
    /// IANA name of the time zone in which its people and customers read times.
    pub time_zone: String,
    /// Where its calls come from and go to.
    pub trunks: Vec<Trunk>,
    /// The numbers that are answered for it.
    pub numbers: Vec<Number>,
    /// The people who take payments.
    pub agents: Vec<Agent>,
    /// How cards are keyed.
    pub capture: CapturePlan,
    /// What the other side hears while the line is secured.
    pub mask: MaskStyle,
    /// A dial tone of its own network, Hz, that is taken out before anything is judged.
    pub dial_tone_hz: Option<[u16; 2]>,
    /// Whether the masked call is written to a file, as a recorder would get it.
    pub tap: bool,
    /// How it looks.
    pub branding: Branding,
    /// Where its payments go.
    pub gateway: GatewayAccount,
    /// Where its invoices are.
    pub crm: Crm,
    /// What an integration must show to use the API for this tenant.
    pub api_token: Secret<String>,
}

/// One SIP peer of a tenant.
pub struct Trunk {
    /// Its name in the manifest.
    pub id: String,
    /// What is at the other end; decides what evidence may say about scope.
    pub role: TrunkRole,
    /// Source addresses from which it may call.
    pub peers: Vec<IpAddr>,
    /// Where calls to it go.
    pub address: SocketAddr,
    /// How it is reached.
    pub transport: Transport,
    /// Whether its media may come from another port than the one in its SDP.
    pub nat: bool,
    /// Digest credentials, where it challenges.
    pub credential: Option<Credential>,
    /// New calls a second that it may bring.
    pub calls_per_s_max: u32,
}

/// What is at the other end of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrunkRole {
    /// A carrier or session border controller outside the organisation.
    CarrierEdge,
    /// The organisation's own switch: whatever crosses it is in PCI scope.
    Pbx,
}

/// SIP transport towards a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// RFC 3261 over UDP.
    Udp,
    /// RFC 3261 over TCP.
    Tcp,
}

/// Digest credentials (RFC 7616).
pub struct Credential {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret<String>,
}

/// One number that is answered for a tenant.
pub struct Number {
    /// User part of the request URI: a number or a name.
    pub number: String,
    /// What a call to it means.
    pub route: NumberRoute,
}

/// What a call to a number means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberRoute {
    /// Route 1: the call goes on to `extension` at `trunk` and stays with us.
    InPath {
        /// Trunk of the agent's side.
        trunk: String,
        /// Extension or hunt group that answers.
        extension: String,
        /// Keys of the agent's phone that secure the line.
        secure_code: String,
    },
    /// Route 2: the number is dialled with an agent's PIN behind it, and the agent is rung back.
    OnDemand {
        /// Trunk on which agents are rung back.
        trunk: String,
    },
}

/// A person who takes payments.
pub struct Agent {
    /// Their id.
    pub id: AgentId,
    /// Their name.
    pub name: String,
    /// Where their phone rings.
    pub extension: String,
    /// At least six digits (DESIGN §8).
    pub pin: Secret<String>,
    /// Argon2id hash of the password as a PHC string; without one the agent cannot sign in.
    pub password_hash: Option<Secret<String>>,
}

/// How the other side of a secured line sounds while a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskStyle {
    /// A flat tone of fixed length a key, outside the DTMF band.
    Tone,
    /// Silence.
    Silence,
    /// Low noise.
    Comfort,
    /// Nothing of the customer passes while a field is open; a flat tone a key.
    Closed,
}

/// A card brand that a tenant may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Brand {
    /// Visa.
    Visa,
    /// Mastercard.
    Mastercard,
    /// American Express.
    Amex,
    /// Discover.
    Discover,
    /// Diners Club.
    Diners,
    /// JCB.
    Jcb,
    /// UnionPay.
    UnionPay,
    /// Maestro.
    Maestro,
}

impl Brand {
    /// Every brand.
    pub const ALL: [Brand; 8] = [
        Brand::Visa,
        Brand::Mastercard,
        Brand::Amex,
        Brand::Discover,
        Brand::Diners,
        Brand::Jcb,
        Brand::UnionPay,
        Brand::Maestro,
    ];

    /// The word in manifests, rows, events and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Brand::Visa => "visa",
            Brand::Mastercard => "mastercard",
            Brand::Amex => "amex",
            Brand::Discover => "discover",
            Brand::Diners => "diners",
            Brand::Jcb => "jcb",
            Brand::UnionPay => "unionpay",
            Brand::Maestro => "maestro",
        }
    }

    /// The brand that a word of [`Brand::as_str`] names.
    pub fn parse(word: &str) -> Option<Brand> {
        Brand::ALL.into_iter().find(|brand| brand.as_str() == word)
    }
}

/// Which key ends a field; the other of the two clears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKey {
    /// `*` ends, `#` clears: the default.
    Star,
    /// `#` ends, `*` clears.
    Hash,
}

/// Whether house number and postcode are asked, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressCheck {
    /// Not asked.
    Off,
    /// The agent types what the customer says.
    Typed,
    /// The customer keys the digits after the security code.
    Keyed,
}

/// How cards are keyed at a tenant.
#[derive(Clone, Debug)]
pub struct CapturePlan {
    /// The key that ends a field.
    pub end_key: EndKey,
    /// Wait for the first key of a field.
    pub first_key: Duration,
    /// Wait between keys.
    pub between_keys: Duration,
    /// Whole capture.
    pub total: Duration,
    /// Tries a field.
    pub tries: u8,
    /// Brands that are taken.
    pub brands: Vec<Brand>,
    /// House number and postcode.
    pub address: AddressCheck,
}

/// How a tenant looks, and what its receipts say of it.
#[derive(Clone, Debug)]
pub struct Branding {
    /// CSS colour of its accents, `#rrggbb`.
    pub colour: String,
    /// Name on the card statement.
    pub statement_name: String,
    /// Name of the company that takes the money.
    pub legal_name: String,
    /// Its postal address, in one line.
    pub address: String,
    /// How a customer gets help, in one line.
    pub help: String,
    /// What a receipt says of refunds and cancellation.
    pub refund_policy: String,
    /// Where answers to receipts go.
    pub reply_to: String,
    /// Its logo, PNG, at most 20 KiB.
    pub logo: Option<Vec<u8>>,
}

/// The tenant's account at its gateway.
pub struct GatewayAccount {
    /// Which connector speaks to it.
    pub kind: GatewayKind,
    /// Base URL.
    pub url: String,
    /// Merchant id for telephone orders.
    pub merchant: String,
    /// Credential of that merchant.
    pub secret: Secret<String>,
    /// Whole time that one request may take.
    pub timeout: Duration,
}

/// The connectors there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayKind {
    /// The sandbox gateway of `tonewall sandbox`.
    Sandbox,
}

/// Where a tenant's invoices are found.
pub enum Crm {
    /// Nowhere: the agent types account and amount.
    None,
    /// A REST API.
    Rest {
        /// Base URL.
        url: String,
        /// Its bearer token.
        token: Secret<String>,
    },
}

impl Tenant {
    /// The trunk of that name.
    pub fn trunk(&self, id: &str) -> Option<&Trunk> {
        self.trunks.iter().find(|trunk| trunk.id == id)
    }

    /// The trunk from which a source address may call.
    pub fn trunk_of(&self, source: IpAddr) -> Option<&Trunk> {
        self.trunks.iter().find(|trunk| trunk.peers.contains(&source))
    }

    /// The agent of that id.
    pub fn agent(&self, id: &AgentId) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.id == *id)
    }
}
