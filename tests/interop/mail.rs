//! A receipt at a mail server that nobody here wrote: aiosmtpd, which prints what it takes.

use super::program::Program;
use crate::support::{ServerPlan, World, card, eventually, free_address, harbour_call};
use std::process::Command;
use tokio::net::TcpStream;
use tonewall_loadtest::call::SimCall;
use tonewall_loadtest::customer::{Behaviour, Purchase, pay};
use tonewall_loadtest::sandbox::SandboxOptions;
use tonewall_loadtest::screen::AgentScreen;

/// Debian's own Python: the package python3-aiosmtpd is there, whatever `python3` means on the machine.
const PYTHON: &str = "/usr/bin/python3";

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_mail_server_receives_the_receipt() {
    let at = free_address();
    let plan = ServerPlan { set: vec![format!("mail.smtp={at}")], ..ServerPlan::default() };
    let mut world = World::with("aiosmtpd", plan, SandboxOptions::default());
    let folder = world.folder.path.clone();
    let mut command = Command::new(PYTHON);
    command.args(["-u", "-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Debugging", "stdout", "-l"]);
    let server = Program::start("aiosmtpd", &folder, command.arg(at.to_string()));
    eventually("aiosmtpd", async || TcpStream::connect(at).await.ok()).await;

    let stage = world.harbour().await;
    let mut call = SimCall::start(&stage, harbour_call()).expect("call");
    call.wait_secured().await.expect("secured");
    let purchase = Purchase { account: "INV-AIO".to_owned(), ..Purchase::default() };
    pay(&call, &purchase, &card(), Behaviour::Normal).await.expect("payment");
    let id = call.id().expect("listed");
    let screen = AgentScreen::sign_in(&world.server.api(), "ada@harbour", "harbour-ada-demo")
        .await
        .expect("signed in");
    screen.act(&id, "receipt", &[("email", "kim@customers.example")]).await.expect("asked for");
    call.hangup().await.expect("hung up");

    let mail = eventually("the mail", async || {
        let text = std::fs::read_to_string(folder.join("aiosmtpd.out")).unwrap_or_default();
        text.contains("END MESSAGE").then_some(text)
    })
    .await;
    for part in [
        "To: kim@customers.example",
        "Auto-Submitted: auto-generated",
        "multipart/alternative",
        "multipart/related",
        "Content-ID: <logo>",
        "INV-AIO",
    ] {
        assert!(mail.contains(part), "{part} is missing in:\n{mail}");
    }
    drop(server);
    world.sweep(&[(&card().pan, &card().cvc)]);
}
