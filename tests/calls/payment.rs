//! A payment on a call, over each transport of keys and each route.

use crate::support::{World, card, harbour_call, northwind_call};
use tonewall_loadtest::call::{CallPlan, SimCall};
use tonewall_loadtest::customer::{Behaviour, Purchase, TestCard, pay};
use tonewall_loadtest::party::Keys;
use tonewall_loadtest::stage::Stage;

async fn paid(stage: &Stage, plan: CallPlan, card: &TestCard) -> String {
    let mut call = SimCall::start(stage, plan).expect("call");
    call.wait_secured().await.expect("secured");
    let view = pay(&call, &Purchase::default(), card, Behaviour::Normal).await.expect("payment");
    call.hangup().await.expect("hung up");
    let heard = call.hear();
    assert!(heard.is_clean(), "{heard:?}");
    assert!(heard.digits_keyed >= 23, "{} keys", heard.digits_keyed);
    view.expect("a payment").payment.state
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transport_of_keys_on_every_route() {
    let mut world = World::new("transports");
    let card = card();
    for keys in [Keys::InBand, Keys::Event, Keys::Info, Keys::All] {
        let stage = world.harbour().await;
        assert_eq!(paid(&stage, CallPlan { keys, ..harbour_call() }, &card).await, "approved", "{keys:?}");
        drop(stage);
        let stage = world.northwind().await;
        assert_eq!(paid(&stage, CallPlan { keys, ..northwind_call() }, &card).await, "approved", "{keys:?}");
    }
    let charges = world.gateway.ledger();
    assert_eq!(charges.len(), 8);
    assert!(charges.iter().all(|charge| charge.times_charged == 1));
    world.sweep(&[(&card.pan, &card.cvc)]);
}
