//! `tonewall evidence …`: keys, exports, and whether what was exported holds.

use super::{EX_DATAERR, EX_USAGE, fail, on_runtime, usage};
use crate::config::{Config, ConfigArgs};
use crate::evidence::{self, Checked, Held, PublicKey, SigningKey};
use crate::tenancy::{Secrets, load};
use clap::{Args, Subcommand};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tonewall_model::ids::{CallId, TenantId};
use tonewall_store::{EvidenceRow, Store, StoreError, StoreOptions};

/// Longest file that is read; the longest evidence file has a fraction of that.
const FILE_BYTES_MAX: u64 = 1 << 20;

#[derive(Subcommand)]
pub(super) enum Evidence {
    /// Makes a key that signs evidence: a file that only its owner may read.
    Keygen {
        /// The file; it must not exist.
        file: PathBuf,
    },
    /// Writes the evidence of one call as a file for an assessor.
    Export(Export),
    /// Says whether a file, or a whole chain, holds.
    Verify(Verify),
}

#[derive(Args)]
pub(super) struct Export {
    /// The call.
    #[arg(long, value_name = "ID")]
    call: String,
    /// Its tenant; without, all tenants of the configuration are asked.
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// Where the file goes; without, and without --html, to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where a page for people goes.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    layers: ConfigArgs,
}

#[derive(Args)]
pub(super) struct Verify {
    /// The exported file; with --chain none.
    #[arg(required_unless_present = "chain", conflicts_with = "chain")]
    file: Option<PathBuf>,
    /// The public key that has to have signed: base64, or a PEM file. With --chain it may be repeated.
    #[arg(long, value_name = "PUB")]
    key: Vec<String>,
    /// All records of a tenant, in the ledger.
    #[arg(long, requires = "tenant")]
    chain: bool,
    /// The tenant.
    #[arg(long, value_name = "SLUG", requires = "chain")]
    tenant: Option<String>,
    #[command(flatten)]
    layers: ConfigArgs,
}

impl Evidence {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Evidence::Keygen { file } => keygen(&file),
            Evidence::Export(export) => export.run(),
            Evidence::Verify(verify) => verify.run(),
        }
    }
}

fn keygen(path: &Path) -> ExitCode {
    match write_key(path) {
        Ok(key) => {
            println!("key id      {}", key.id());
            println!("public key  {}", key.text());
            println!(
                "Set evidence.key = \"file:{}\", and give the public key to whoever shall check evidence.",
                path.display()
            );
            ExitCode::SUCCESS
        }
        Err(words) => fail(&format!("{}: {words}", path.display())),
    }
}

/// Makes a key file that nobody else may read; never over one that is there.
///
/// # Errors
/// In words for a person.
pub(crate) fn write_key(path: &Path) -> Result<PublicKey, String> {
    let (text, key) = SigningKey::fresh().map_err(|error| error.to_string())?;
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(text.expose().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    });
    written.map(|()| key.public()).map_err(|error| error.to_string())
}

impl Export {
    fn run(self) -> ExitCode {
        let Some(call) = CallId::parse(&self.call) else {
            return usage(
                "tonewall: --call has to be the id of a call, such as cl_ and 20 letters and digits",
            );
        };
        let (config, tenants) = match opened(&self.layers, self.tenant.as_deref()) {
            Ok(opened) => opened,
            Err(code) => return code,
        };
        on_runtime(async move {
            let row = match find(&config, &tenants, &call).await {
                Ok(row) => row,
                Err(words) => return fail(&words),
            };
            self.write(&row).map_or_else(|words| fail(&words), |()| ExitCode::SUCCESS)
        })
    }

    fn write(&self, row: &EvidenceRow) -> Result<(), String> {
        let text = evidence::of_row(row).map_err(|error| error.to_string())?;
        let checked = evidence::check(text.as_bytes(), None).map_err(|error| error.to_string())?;
        for wrong in &checked.wrong {
            // What is exported is told to be wrong, and exported: it is evidence of that too.
            eprintln!("tonewall: record {}: {wrong}.", row.seq);
        }
        let put = |path: &Path, text: &str| {
            std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
        };
        if let Some(path) = &self.html {
            put(path, &evidence::html(&checked.held).map_err(|error| error.to_string())?)?;
        }
        match (&self.out, &self.html) {
            (Some(path), _) => put(path, &text),
            (None, None) => std::io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string()),
            (None, Some(_)) => Ok(()),
        }
    }
}

/// The configuration, and the tenants that are meant.
fn opened(layers: &ConfigArgs, tenant: Option<&str>) -> Result<(Config, Vec<TenantId>), ExitCode> {
    let secrets = Secrets::from_environment();
    let config = Config::load(layers, std::env::vars_os(), &secrets).map_err(usage)?;
    match tenant {
        Some(slug) => {
            let wrong = || usage("tonewall: --tenant has to be the slug of a tenant");
            let tenant = TenantId::parse(slug).ok_or_else(wrong)?;
            Ok((config, vec![tenant]))
        }
        None => {
            let tenants = load(&config.tenants_dir, &secrets).map_err(usage)?;
            let ids = tenants.iter().map(|tenant| tenant.id.clone()).collect();
            Ok((config, ids))
        }
    }
}

/// These commands make no ledger where there is none.
async fn store(config: &Config) -> Result<Store, String> {
    let url = config.database.url.expose().replace("mode=rwc", "mode=rw");
    let opened = Store::open(&url, StoreOptions::default()).await;
    opened.map_err(|error| format!("database: {error}"))
}

async fn find(config: &Config, tenants: &[TenantId], call: &CallId) -> Result<EvidenceRow, String> {
    let store = store(config).await?;
    for tenant in tenants {
        match store.tenant(tenant).evidence(call).await {
            Ok(row) => return Ok(row),
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(format!("database: {error}")),
        }
    }
    Err("there is no evidence of this call: it is still up, or it was never taken here".to_owned())
}

impl Verify {
    fn run(self) -> ExitCode {
        let keys: Result<Vec<PublicKey>, String> = self.key.iter().map(|key| public_key(key)).collect();
        match (keys, &self.file) {
            (Err(words), _) => usage(format!("tonewall: --key {words}")),
            (Ok(keys), Some(_)) if keys.len() > 1 => {
                usage("tonewall: a file is signed by one key: give --key once")
            }
            (Ok(keys), Some(file)) => verify_file(file, keys.first().copied()),
            (Ok(keys), None) => self.verify_chain(keys),
        }
    }

    fn verify_chain(self, keys: Vec<PublicKey>) -> ExitCode {
        let (config, tenants) = match opened(&self.layers, self.tenant.as_deref()) {
            Ok(opened) => opened,
            Err(code) => return code,
        };
        let Some(tenant) = tenants.into_iter().next() else { return ExitCode::from(EX_USAGE) };
        on_runtime(async move {
            let store = match store(&config).await {
                Ok(store) => store,
                Err(words) => return fail(&words),
            };
            let verified = evidence::verify_chain(&store.tenant(&tenant), &keys).await;
            store.close().await;
            match verified {
                Ok(report) => {
                    chain_lines(&tenant, &report, &keys).iter().for_each(|line| println!("{line}"));
                    ExitCode::SUCCESS
                }
                Err(broken) => {
                    println!("The chain of {tenant} does not hold. {broken}");
                    ExitCode::FAILURE
                }
            }
        })
    }
}

fn chain_lines(tenant: &TenantId, report: &evidence::ChainReport, keys: &[PublicKey]) -> Vec<String> {
    let records = match report.records {
        1 => "1 record".to_owned(),
        records => format!("{records} records"),
    };
    let mut lines = vec![format!("The chain of {tenant} holds: {records}, none missing, none changed.")];
    lines.extend(report.by_key.iter().map(|(key, count)| format!("Signed by {key}: {count}.")));
    if report.unsigned > 0 {
        lines.push(format!(
            "Signed by nobody: {}. Whoever can write to the ledger can have written them.",
            report.unsigned
        ));
    }
    if !report.by_key.is_empty() && keys.is_empty() {
        lines.push(
            "Whose keys these are was not checked: give --key, once for each that you trust.".to_owned(),
        );
    }
    if report.red_count > 0 {
        let numbers: Vec<String> = report.red.iter().map(u64::to_string).collect();
        lines.push(format!(
            "With a red leak verdict: {} (records {}).",
            report.red_count,
            numbers.join(", ")
        ));
    }
    lines
}

/// Base64, or the path of a file that holds it.
fn public_key(given: &str) -> Result<PublicKey, String> {
    if let Ok(key) = PublicKey::parse(given) {
        return Ok(key);
    }
    let text = read(Path::new(given)).map_err(|error| format!("is neither a key nor a file: {error}"))?;
    PublicKey::parse(&String::from_utf8_lossy(&text)).map_err(|error| error.to_string())
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn verify_file(path: &Path, key: Option<PublicKey>) -> ExitCode {
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) => return fail(&format!("{}: {error}", path.display())),
    };
    match evidence::check(&bytes, key) {
        Ok(Checked { wrong, held }) if wrong.is_empty() => {
            held_lines(&held).iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Ok(Checked { wrong, .. }) => {
            println!("This file does not hold. Believe nothing in it.");
            wrong.iter().for_each(|wrong| println!("- {wrong}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("{error}");
            ExitCode::from(EX_DATAERR)
        }
    }
}

fn held_lines(held: &Held) -> Vec<String> {
    let record = &held.record;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("not observed").to_owned();
    let signer = held.signer.map(|key| key.id()).unwrap_or_default();
    let whose = match held.is_key_given {
        true => "the key that was given",
        false => "a key that nobody compared: give --key, got from the operator by another way",
    };
    vec![
        "This file holds: byte for byte as it was written.".to_owned(),
        format!(
            "Record       {} of {}, call {}",
            record["seq"],
            text(&record["tenant"]),
            text(&record["call"]["id"])
        ),
        format!("SHA-256      {}", held.sha256),
        format!("Signed by    {signer}, {whose}"),
        format!("Leak         {}", text(&record["leak"]["verdict"])),
        format!("Scope        {}", text(&record["topology"]["scope"]["reason"])),
    ]
}
