//! A private PostgreSQL server for this test binary, on a socket in a directory of its own.
//!
//! A shell starts it and then waits for the end of its input, which the operating system brings
//! about however the tests end; it stops the server by its pid and removes the directory.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

/// How long a fresh cluster may take to answer.
const START_MAX: Duration = Duration::from_secs(120);

const SCRIPT: &str = r#"
bin=$1; dir=$2
"$bin/initdb" -D "$dir/data" -U tonewall -A trust -E UTF8 --no-locale --no-sync >"$dir/initdb.log" 2>&1 \
  && "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 100 \
       -o "-k '$dir' -c listen_addresses='' -c fsync=off" start >"$dir/start.log" 2>&1 \
  && echo ready || { echo failed; cat "$dir"/*.log >&2; }
read -r _
"$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1
rm -rf "$dir"
"#;

struct TestPostgres {
    dir: PathBuf,
    /// Its end tells the shell to stop the server.
    _alive: ChildStdin,
}

static SERVER: OnceLock<Result<TestPostgres, String>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The URL of a new, empty database.
pub async fn new_database() -> String {
    let server = match SERVER.get_or_init(start) {
        Ok(server) => server,
        Err(why) => panic!("no PostgreSQL to test on: {why}"),
    };
    let name = format!("store_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let admin = sea_orm::Database::connect(url(&server.dir, "postgres")).await.expect("the server answers");
    sea_orm::ConnectionTrait::execute_unprepared(&admin, &format!("CREATE DATABASE {name}"))
        .await
        .expect("a database");
    admin.close().await.expect("closed");
    url(&server.dir, &name)
}

fn url(dir: &Path, database: &str) -> String {
    format!("postgres://tonewall@localhost/{database}?host={}", dir.display())
}

fn start() -> Result<TestPostgres, String> {
    let bin =
        find_binaries().ok_or("initdb and pg_ctl not found; install the Debian package postgresql-15")?;
    let dir = super::world::unique_dir("pg");
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT, "sh"]).arg(&bin).arg(&dir).process_group(0);
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir(&dir);
    // The server refuses to run as root.
    if fs::metadata(&dir).map_err(|error| error.to_string())?.uid() == 0 {
        let (uid, gid) = other_user().ok_or("no user `postgres` or `nobody` to run it as")?;
        chown(&dir, Some(uid), Some(gid)).map_err(|error| error.to_string())?;
        shell.uid(uid).gid(gid);
    }
    let mut shell = shell.spawn().map_err(|error| error.to_string())?;
    let alive = shell.stdin.take().ok_or("no input")?;
    let output = shell.stdout.take().ok_or("no output")?;
    let (told, heard) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(output).read_line(&mut line);
        let _ = told.send(line);
    });
    match heard.recv_timeout(START_MAX).as_deref() {
        Ok("ready\n") => Ok(TestPostgres { dir, _alive: alive }),
        _ => Err("it did not start; its log is above".to_owned()),
    }
}

/// The newest server on the machine: Debian keeps them apart by version, others use the path.
fn find_binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut places: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    places.sort();
    places.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    places.extend(std::env::split_paths(&path));
    places.into_iter().find(|place| ["initdb", "pg_ctl"].iter().all(|name| place.join(name).exists()))
}

fn other_user() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let find = |name: &str| {
        let fields: Vec<&str> = users
            .lines()
            .map(|line| line.split(':').collect())
            .find(|fields: &Vec<&str>| fields.first() == Some(&name))?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody"))
}
