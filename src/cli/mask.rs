//! `tonewall mask IN.raw OUT.raw`: the product's own mask on recorded sound, for others to judge it by.

use super::{EX_DATAERR, fail, recording, usage};
use clap::{Args, ValueEnum};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tonewall_model::dtmf::{self, mask_g711};
use tonewall_model::tenant::MaskStyle;

/// Packet lengths in ms that calls have.
const PTIME_MS: std::ops::RangeInclusive<u8> = 10..=60;

/// Passes a G.711 stream packet by packet through a secured line, as a call would.
#[derive(Args)]
pub(super) struct Mask {
    /// Code words, 8,000 a second, without any header.
    input: PathBuf,
    /// Where as many code words go; overwritten if it is there.
    output: PathBuf,
    /// Coding of both.
    #[arg(long, value_enum)]
    law: Law,
    /// Packet length in ms, 10 to 60.
    #[arg(long, value_name = "MS", default_value = "20", allow_hyphen_values = true)]
    ptime: String,
    /// What is heard in place of a key.
    #[arg(long, value_enum, default_value = "tone")]
    style: Style,
}

#[derive(Clone, Copy, ValueEnum)]
enum Law {
    /// A-law.
    A,
    /// µ-law.
    U,
}

#[derive(Clone, Copy, ValueEnum)]
enum Style {
    /// A flat tone a key.
    Tone,
    /// Silence.
    Silence,
    /// Low noise.
    Comfort,
    /// Nothing of the customer at all: a field is open the whole time.
    Closed,
}

impl Mask {
    pub(super) fn run(self) -> ExitCode {
        let Some(ptime_ms) = self.ptime.parse().ok().filter(|ms| PTIME_MS.contains(ms)) else {
            return usage(format!("tonewall: --ptime {}: a number from 10 to 60 is wanted", self.ptime));
        };
        if is_same_file(&self.input, &self.output) {
            return usage(format!("tonewall: {} is input and output at once", self.output.display()));
        }
        let codes = match recording::read(&self.input) {
            Ok(codes) => codes,
            Err(error) => {
                eprintln!("tonewall: {}: {error}", self.input.display());
                return ExitCode::from(EX_DATAERR);
            }
        };
        let law = match self.law {
            Law::A => dtmf::Law::A,
            Law::U => dtmf::Law::Mu,
        };
        let style = match self.style {
            Style::Tone => MaskStyle::Tone,
            Style::Silence => MaskStyle::Silence,
            Style::Comfort => MaskStyle::Comfort,
            Style::Closed => MaskStyle::Closed,
        };
        match fs::write(&self.output, mask_g711(&codes, law, ptime_ms, style)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("{}: {error}", self.output.display())),
        }
    }
}

/// Whether both names lead to one file, by whatever links.
fn is_same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}
