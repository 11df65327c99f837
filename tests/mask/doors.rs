//! `tonewall dtmf` and `tonewall mask` as others use them: files in, lines and files out.

use crate::support::{Folder, seed};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tonewall_loadtest::corpus::leak::talk_under;
use tonewall_loadtest::corpus::network::coded;
use tonewall_loadtest::corpus::sound::{Digit, Train, pcm};
use tonewall_loadtest::g711::Law;
use tonewall_loadtest::rng::Rng;

const KEYS: &[u8; 16] = b"0123456789*#ABCD";

fn tonewall(args: &[&str], files: &[&Path]) -> Output {
    let program = env!("CARGO_BIN_EXE_tonewall");
    Command::new(program).args(args).args(files).output().expect("tonewall starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// A WAV file of coded sound.
fn wav(path: &Path, law: Law, codes: &[u8]) {
    let tag: u16 = if law == Law::A { 6 } else { 7 };
    let mut file = [&b"RIFF"[..], &(codes.len() as u32 + 36).to_le_bytes(), b"WAVEfmt "].concat();
    file.extend(16u32.to_le_bytes());
    file.extend([tag, 1].map(u16::to_le_bytes).concat());
    file.extend([8_000u32, 8_000].map(u32::to_le_bytes).concat());
    file.extend([1u16, 8].map(u16::to_le_bytes).concat());
    file.extend([&b"data"[..], &(codes.len() as u32).to_le_bytes(), codes].concat());
    fs::write(path, file).expect("written");
}

/// Digits that `tonewall dtmf` prints for coded sound, with the samples given.
fn named(folder: &Folder, law: Law, codes: &[u8]) -> Vec<(usize, u8)> {
    let path = folder.path.join("heard with a space.wav");
    wav(&path, law, codes);
    let output = tonewall(&["dtmf"], &[&path]);
    assert!(output.status.success(), "{output:?}");
    let line = |line: &str| {
        let rest = line.strip_prefix(path.to_str().expect("UTF-8")).expect("the file's name");
        let (at, digit) = rest.trim_start().split_once(' ').expect("samples and digit");
        let code = KEYS.iter().position(|key| digit.as_bytes() == [*key]).expect("a digit");
        (at.parse().expect("a number"), code as u8)
    };
    text(&output.stdout).lines().map(line).collect()
}

/// A train of keys somebody talks under, as coded samples.
fn keyed(name: &str, law: Law) -> (Vec<u8>, Vec<Digit>) {
    println!("seed {}", seed());
    let mut rng = Rng::named(seed(), name);
    let train = Train::new(32, 60.0, 80.0, -10.0);
    let mut sound = train.make(&mut rng);
    talk_under(&mut sound, &train, &mut rng, 20.0);
    (coded(law, &pcm(&sound.samples)), sound.truth)
}

#[test]
fn what_the_mask_lets_out_names_nothing_and_what_went_in_names_all() {
    let folder = Folder::new("doors-mask");
    let (input, output) = (folder.path.join("in.raw"), folder.path.join("out.raw"));
    for (law, flag, ptime, style) in [
        (Law::A, "a", "20", "tone"),
        (Law::Mu, "u", "30", "silence"),
        (Law::A, "a", "10", "comfort"),
        (Law::Mu, "u", "60", "closed"),
        (Law::A, "a", "17", "tone"),
    ] {
        let (codes, truth) = keyed(&format!("door {style} {ptime}"), law);
        fs::write(&input, &codes).expect("written");
        let args = ["mask", "--law", flag, "--ptime", ptime, "--style", style];
        let done = tonewall(&args, &[&input, &output]);
        assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
        let masked = fs::read(&output).expect("read");
        assert_eq!(masked.len(), codes.len());
        assert_eq!(named(&folder, law, &masked), [], "{law:?} {ptime} {style}");
        let control = named(&folder, law, &codes);
        let codes_of = |truth: &[Digit]| truth.iter().map(|digit| digit.code).collect::<Vec<_>>();
        let heard: Vec<u8> = control.iter().map(|(_, code)| *code).collect();
        assert_eq!(heard, codes_of(&truth), "{law:?} {ptime} {style}");
        for ((at, _), digit) in control.iter().zip(&truth) {
            assert!((digit.start..digit.end + 640).contains(at), "{at} for {digit:?}");
        }
    }
}

#[test]
fn defaults_are_twenty_milliseconds_and_the_flat_tone() {
    let folder = Folder::new("doors-defaults");
    let (input, output) = (folder.path.join("in.raw"), folder.path.join("out.raw"));
    let (codes, _) = keyed("door defaults", Law::A);
    fs::write(&input, &codes).expect("written");
    let masked = |args: &[&str]| {
        let done = tonewall(args, &[&input, &output]);
        assert!(done.status.success(), "{done:?}");
        fs::read(&output).expect("read")
    };
    let plain = masked(&["mask", "--law", "a"]);
    assert_eq!(plain, masked(&["mask", "--law", "a", "--ptime", "20", "--style", "tone"]));
    assert_ne!(plain, masked(&["mask", "--law", "a", "--style", "silence"]));
    // Nothing of the customer: what is left is silence and the flat tones, the same behind any talk.
    let closed = masked(&["mask", "--law", "a", "--style", "closed"]);
    let silent = closed.iter().filter(|code| **code == 0xD5).count();
    assert!(silent > closed.len() / 2 && silent < closed.len(), "{silent} of {}", closed.len());
    let changed = |all: &[u8]| all.iter().zip(&codes).filter(|(left, sent)| left != sent).count();
    assert!(changed(&closed) > changed(&plain));
    // The shortest streams: nothing, and less than a packet, of which nothing comes through.
    for len in [0, 1, 159] {
        fs::write(&input, &codes[4_000..4_000 + len]).expect("written");
        assert_eq!(masked(&["mask", "--law", "a"]), vec![0xD5; len]);
    }
}

#[test]
fn a_bad_file_is_named_and_the_others_are_done() {
    let folder = Folder::new("doors-files");
    let at = |name: &str| folder.path.join(name);
    let (codes, truth) = keyed("door files", Law::Mu);
    wav(&at("first.wav"), Law::Mu, &codes);
    wav(&at("last.wav"), Law::Mu, &codes);
    fs::write(at("song.mp3"), b"ID3 nothing of a telephone").expect("written");
    let huge = File::create(at("huge.wav")).and_then(|file| file.set_len((1 << 30) + 1));
    huge.expect("a sparse file");
    let names = ["first.wav", "song.mp3", "gone.wav", ".", "huge.wav", "last.wav"];
    let paths: Vec<PathBuf> = names.iter().map(|name| at(name)).collect();
    let output = tonewall(&["dtmf"], &paths.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(65));
    assert_eq!(text(&output.stdout).lines().count(), 2 * truth.len());
    let complaints = text(&output.stderr);
    let wants =
        ["song.mp3: not a WAV file", "gone.wav: No such file", ": Is a directory", "huge.wav: longer"];
    assert_eq!(complaints.lines().count(), wants.len(), "{complaints}");
    for (complaint, want) in complaints.lines().zip(wants) {
        assert!(complaint.starts_with("tonewall: ") && complaint.contains(want), "{complaint}");
    }
}

#[test]
fn the_mask_refuses_what_it_cannot_do_and_touches_nothing() {
    let folder = Folder::new("doors-refuse");
    let at = |name: &str| folder.path.join(name);
    let (input, output, link) = (at("in.raw"), at("out.raw"), at("link.raw"));
    fs::write(&input, [0x55; 800]).expect("written");
    std::os::unix::fs::symlink(&input, &link).expect("a link");
    File::create(at("huge.raw")).and_then(|file| file.set_len((1 << 30) + 1)).expect("a sparse file");
    let refuses = |args: &[&str], files: [&Path; 2], code: i32, why: &str| {
        let done = tonewall(&[&["mask", "--law", "a"], args].concat(), &files);
        assert_eq!(done.status.code(), Some(code), "{done:?}");
        assert!(text(&done.stderr).contains(why), "{done:?}");
        assert!(!output.exists());
    };
    for ptime in ["9", "61", "0", "-20", "256", "20ms", ""] {
        refuses(&["--ptime", ptime], [&input, &output], 64, "a number from 10 to 60 is wanted");
    }
    refuses(&[], [&input, &input], 64, "input and output at once");
    refuses(&[], [&input, &link], 64, "input and output at once");
    refuses(&[], [&at("gone.raw"), &output], 65, "gone.raw: No such file");
    refuses(&[], [&at("huge.raw"), &output], 65, "longer than 1073741824 bytes");
    refuses(&[], [&input, &folder.path], 1, "Is a directory");
    assert_eq!(fs::read(&input).expect("read"), [0x55; 800]);
}
