//! A private PostgreSQL server for one test, on a socket in a directory of its own.
//!
//! A shell starts it and then waits for the end of its input, which the operating system brings
//! about however the test ends; it stops the server by its pid and removes the directory.

use super::Folder;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const SCRIPT: &str = r#"
bin=$1; dir=$2
"$bin/initdb" -D "$dir/data" -U tonewall -A trust -E UTF8 --no-locale --no-sync >"$dir/initdb.log" 2>&1 \
  && "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 100 \
       -o "-k '$dir' -c listen_addresses='' -c fsync=off" start >"$dir/start.log" 2>&1 \
  && echo ready || { echo failed; cat "$dir"/*.log >&2; }
read -r _
"$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1
rm -rf "$dir/data"
"#;

/// The running server; it ends with this.
pub struct Postgres {
    bin: PathBuf,
    folder: Folder,
    shell: Child,
}

impl Postgres {
    /// Starts a fresh cluster and waits until it answers.
    pub fn start() -> Postgres {
        let bin = binaries().expect("initdb and pg_ctl: install the Debian package postgresql");
        let folder = Folder::new("postgres");
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "sh"]).arg(&bin).arg(&folder.path).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir(&folder.path);
        // The server refuses to run as root.
        if std::fs::metadata(&folder.path).expect("folder").uid() == 0 {
            let (uid, gid) = other_user().expect("a user `postgres` or `nobody`");
            chown(&folder.path, Some(uid), Some(gid)).expect("owner");
            shell.uid(uid).gid(gid);
        }
        let mut shell = shell.spawn().expect("sh");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n", "PostgreSQL did not start; its log is above");
        Postgres { bin, folder, shell }
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        format!("postgres://tonewall@localhost/postgres?host={}", self.folder.path.display())
    }

    /// Runs a statement and gives what it printed, bare.
    pub fn ask(&self, sql: &str) -> String {
        self.run("psql", &["-At", "-v", "ON_ERROR_STOP=1", "-c", sql])
    }

    /// Everything in it, as SQL.
    pub fn dump(&self) -> String {
        self.run("pg_dump", &[])
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(self.bin.join(program));
        command
            .args(["-h".as_ref(), self.folder.path.as_os_str()])
            .args(["-U", "tonewall", "-d", "postgres"]);
        let output = command.args(arguments).output().expect("a client program");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// The newest server on the machine: Debian keeps them apart by version, others use the path.
fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut places: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    places.sort();
    places.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    places.extend(std::env::split_paths(&path));
    let has_all =
        |place: &Path| ["initdb", "pg_ctl", "psql", "pg_dump"].iter().all(|name| place.join(name).exists());
    places.into_iter().find(|place| has_all(place))
}

fn other_user() -> Option<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let find = |name: &str| {
        let fields: Vec<&str> = users
            .lines()
            .map(|line| line.split(':').collect())
            .find(|fields: &Vec<&str>| fields.first() == Some(&name))?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody"))
}
