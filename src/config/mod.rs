//! Configuration of `serve`: defaults, then a TOML file, then `TONEWALL_…` variables, then `--set`.
//!
//! | file | holds |
//! |---|---|
//! | `keys` | the table of all keys, and the example |
//! | `mail` | the mail server |
//! | `settings` | the layers, and which one wins |
//! | `tree` | reading TOML on and on, for this and for manifests |
//! | `log` | what is logged |
//! | `problem` | [`Problems`]: what is wrong, and where |
//!
//! All of it is read and checked before anything binds or opens; whoever gets [`Problems`] ends with
//! exit code 64.

mod keys;
mod log;
mod mail;
mod problem;
mod settings;
#[cfg(test)]
mod tests;
mod tree;

pub use log::LogFormat;
pub use mail::Mail;
pub use problem::{Place, Problem, Problems};
pub(crate) use tree::{Section, Source, Value, text_of};

use crate::evidence::SigningKey;
use crate::tenancy::Secrets;
use settings::{Layer, Setting, Settings};
use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tonewall_secret::Secret;

/// Fewest media ports that make sense: one call.
const PORTS_MIN: u16 = 4;

/// Where a command takes its configuration from.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ConfigArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sets one key, over file and environment; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// A configuration that was checked as a whole.
#[derive(Debug)]
pub struct Config {
    /// Signalling.
    pub sip: Sip,
    /// Voice.
    pub media: Media,
    /// Dashboard and API.
    pub http: Http,
    /// Address of metrics and health.
    pub metrics_listen: SocketAddr,
    /// The mail server; without one screens offer no receipts.
    pub mail: Option<Mail>,
    /// The ledger.
    pub database: Database,
    /// The key that signs evidence; without one it is chained only.
    pub evidence_key: Option<Arc<SigningKey>>,
    /// Folder of the manifests.
    pub tenants_dir: PathBuf,
    /// Folder for the masked sound of calls; tenants that want it need one.
    pub tap_folder: Option<PathBuf>,
    /// Calls of one tenant at a time.
    pub calls_per_tenant_max: u32,
    /// Threads that calls are spread over.
    pub arbiters: usize,
    /// What is logged.
    pub log: Log,
    /// How long calls may go on after a request to stop.
    pub drain_grace: Duration,
}

/// Signalling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sip {
    /// UDP and TCP.
    pub listen: SocketAddr,
    /// Address that peers are told, where it differs.
    pub advertised: Option<IpAddr>,
    /// Timer T1 (RFC 3261 §17.1.1.1).
    pub t1: Duration,
}

/// Voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Address of all sockets.
    pub bind: IpAddr,
    /// Address in SDP, where it differs.
    pub advertised: Option<IpAddr>,
    /// UDP ports; four a call.
    pub ports: RangeInclusive<u16>,
    /// Threads.
    pub threads: usize,
}

/// Dashboard and API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether cookies are for TLS only, whatever a request looks like.
    pub secure_cookies: bool,
    /// Whose `X-Forwarded-Proto` and `X-Forwarded-For` are believed.
    pub trusted_proxies: Vec<IpAddr>,
}

/// The ledger.
pub struct Database {
    /// `sqlite://…` or `postgres://…`; may hold a password.
    pub url: Secret<String>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.expose().split(':').next().unwrap_or_default();
        f.debug_struct("Database").field("scheme", &scheme).finish_non_exhaustive()
    }
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Directives in the form of `tracing_subscriber::EnvFilter`, caps of libraries included.
    pub filter: String,
    /// How lines are written.
    pub format: LogFormat,
}

impl Config {
    /// Reads all layers; `environment` is `std::env::vars_os()` but in tests.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(
        args: &ConfigArgs,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        secrets: &Secrets,
    ) -> Result<Config, Problems> {
        let mut settings = Settings::new();
        if let Some(path) = &args.config {
            let name = path.display().to_string();
            match text_of(path) {
                Ok(text) => settings.add_file(&name, &text),
                Err(why) => settings.problems.push(Problem::new(Place::of(name), why)),
            }
        }
        settings.add_environment(environment);
        settings.add_flags(&args.set);
        let folder = args.config.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
        let config = Config::read(&mut settings, folder, secrets);
        Problems::check(settings.problems, config)
    }

    /// A commented file with every key and its default.
    pub fn example() -> String {
        keys::example()
    }

    /// The values that won. Every key is read, also after a problem.
    fn read(settings: &mut Settings, folder: &Path, secrets: &Secrets) -> Option<Config> {
        let sip = sip(settings);
        let media = media(settings);
        if let (Some(sip), Some(media)) = (&sip, &media)
            && media.ports.contains(&sip.listen.port())
        {
            settings.wrong("sip.listen", "its port is one of media.ports");
        }
        let http = http(settings);
        let metrics_listen = settings.read("metrics.listen", socket_address);
        if let (Some(http), Some(metrics)) = (&http, &metrics_listen)
            && http.listen == *metrics
            && metrics.port() != 0
        {
            settings.wrong("metrics.listen", "is the address of http.listen: agents must not reach it");
        }
        let mail = mail::read(settings, folder, secrets);
        let url = settings.read("database.url", |setting| database_url(setting, folder, secrets));
        let evidence_key = settings.read("evidence.key", |setting| signing_key(setting, folder, secrets));
        let dir = settings.read("tenants.dir", |setting| Ok::<_, &str>(PathBuf::from(&setting.text)));
        let tap_folder = settings.read("tap.folder", |setting| match setting.layer {
            Layer::Default => Ok::<_, &str>(None),
            _ => Ok(Some(PathBuf::from(&setting.text))),
        });
        let calls_per_tenant_max = settings.integer("calls.max_per_tenant", 1..=100_000);
        let arbiters = settings.integer("calls.arbiters", 1..=256);
        let filter = settings.read("log.level", |setting| log::filter(&setting.text));
        let format = settings.read("log.format", |setting| match setting.text.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("must be text or json"),
        });
        let grace_s = settings.integer("drain.grace_s", 0..=3600);
        Some(Config {
            sip: sip?,
            media: media?,
            http: http?,
            metrics_listen: metrics_listen?,
            mail: mail?,
            database: Database { url: url? },
            evidence_key: evidence_key?,
            tenants_dir: dir?,
            tap_folder: tap_folder?,
            calls_per_tenant_max: calls_per_tenant_max?,
            arbiters: arbiters? as usize,
            log: Log { filter: filter?, format: format? },
            drain_grace: Duration::from_secs(grace_s?.into()),
        })
    }
}

fn sip(settings: &mut Settings) -> Option<Sip> {
    let listen = settings.read("sip.listen", socket_address);
    let advertised = settings.read("sip.advertised", advertised);
    if listen.is_some_and(|listen| listen.ip().is_unspecified()) && advertised == Some(None) {
        settings.wrong("sip.listen", "listens on all addresses: sip.advertised must say which one peers use");
    }
    let t1_ms = settings.integer("sip.t1_ms", 100..=2000);
    Some(Sip { listen: listen?, advertised: advertised?, t1: Duration::from_millis(t1_ms?.into()) })
}

fn media(settings: &mut Settings) -> Option<Media> {
    let bind = settings
        .read("media.bind", |setting| setting.text.parse::<IpAddr>().map_err(|_| "must be an IP address"));
    let advertised = settings.read("media.advertised", advertised);
    if bind.is_some_and(|bind| bind.is_unspecified()) && advertised == Some(None) {
        settings.wrong("media.bind", "binds to all addresses: media.advertised must say which one peers use");
    }
    let ports = settings.read("media.ports", ports);
    let threads = settings.integer("media.threads", 1..=256);
    Some(Media { bind: bind?, advertised: advertised?, ports: ports?, threads: threads? as usize })
}

fn http(settings: &mut Settings) -> Option<Http> {
    let listen = settings.read("http.listen", socket_address);
    let secure_cookies = settings.read("http.secure_cookies", |setting| match setting.text.as_str() {
        "auto" => Ok(false),
        "always" => Ok(true),
        _ => Err("must be auto or always"),
    });
    let trusted_proxies = settings.read("http.trusted_proxies", |setting| match setting.layer {
        Layer::Default => Ok(Vec::new()),
        _ => addresses(&setting.text),
    });
    let is_open = listen.is_some_and(|listen| !listen.ip().to_canonical().is_loopback());
    if is_open && secure_cookies == Some(false) && trusted_proxies.as_ref().is_some_and(Vec::is_empty) {
        settings.wrong(
            "http.listen",
            "other machines reach it, and session cookies would travel in plain: \
             name the TLS proxy in http.trusted_proxies, or set http.secure_cookies to always",
        );
    }
    Some(Http { listen: listen?, secure_cookies: secure_cookies?, trusted_proxies: trusted_proxies? })
}

fn addresses(text: &str) -> Result<Vec<IpAddr>, &'static str> {
    let each = text.split(',').map(|address| address.trim().parse::<IpAddr>());
    let addresses: Option<Vec<IpAddr>> = each.map(Result::ok).collect();
    addresses
        .filter(|addresses| !addresses.iter().any(IpAddr::is_unspecified))
        .ok_or("must be IP addresses, separated by commas")
}

fn socket_address(setting: &Setting) -> Result<SocketAddr, &'static str> {
    setting.text.parse().map_err(|_| "must be IP:PORT")
}

fn advertised(setting: &Setting) -> Result<Option<IpAddr>, &'static str> {
    if setting.layer == Layer::Default {
        return Ok(None);
    }
    let address = setting.text.parse::<IpAddr>().ok().filter(|address| !address.is_unspecified());
    address.map(Some).ok_or("must be the IP address that peers use")
}

fn ports(setting: &Setting) -> Result<RangeInclusive<u16>, &'static str> {
    let (first, last) = setting.text.split_once('-').ok_or("must be FIRST-LAST")?;
    let port = |text: &str| text.parse::<u16>().map_err(|_| "must be FIRST-LAST");
    let (first, last) = (port(first)?, port(last)?);
    if first < 1024 || last.checked_sub(first).is_none_or(|steps| steps < PORTS_MIN - 1) {
        return Err("must begin at 1024 or above and hold at least 4 ports");
    }
    Ok(first..=last)
}

/// A URL, or a reference to one: in a file or on a command line everybody can read the password.
fn database_url(setting: &Setting, folder: &Path, secrets: &Secrets) -> Result<Secret<String>, &'static str> {
    let base = if setting.layer == Layer::File { folder } else { Path::new(".") };
    let (url, open) = match secrets.resolve(&setting.text, base) {
        Some(resolved) => (resolved?, false),
        None => (Secret::new(setting.text.clone()), matches!(setting.layer, Layer::File | Layer::Flag)),
    };
    let text = url.expose();
    let postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
    if !postgres && !text.starts_with("sqlite:") {
        return Err("must begin with sqlite: or postgres:");
    }
    if text.contains(":memory:") || text.contains("mode=memory") {
        return Err("must name a file: a ledger in memory survives nothing");
    }
    if open && postgres && has_password(text) {
        return Err("holds a password: give it by reference, env:NAME or file:PATH");
    }
    Ok(url)
}

/// By reference, but from the environment, where it stands in no file and on no command line.
fn signing_key(
    setting: &Setting,
    folder: &Path,
    secrets: &Secrets,
) -> Result<Option<Arc<SigningKey>>, &'static str> {
    let base = if setting.layer == Layer::File { folder } else { Path::new(".") };
    let text = match (secrets.resolve(&setting.text, base), setting.layer) {
        (_, Layer::Default) => return Ok(None),
        (Some(resolved), _) => resolved?,
        (None, Layer::Environment) => Secret::new(setting.text.clone()),
        (None, _) => return Err("must be a reference, env:NAME or file:PATH"),
    };
    SigningKey::parse(text.expose()).map(|key| Some(Arc::new(key))).map_err(|error| error.0)
}

/// Whether a PostgreSQL URL holds a password, before its host or among its parameters.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let user = rest.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':')) || url.to_ascii_lowercase().contains("password=")
}
