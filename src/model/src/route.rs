//! From an INVITE to a plan: whose call it is, who answers it, and how.

use crate::ids::AgentId;
use crate::tenant::{NumberRoute, Tenant};

/// Which route a call takes (DESIGN §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// Route 1: the call crosses us for all of its life.
    InPath,
    /// Route 2: the customer was transferred to us, and the agent is rung back.
    OnDemand,
}

impl RouteKind {
    /// The word in rows, events and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            RouteKind::InPath => "in_path",
            RouteKind::OnDemand => "on_demand",
        }
    }
}

/// What is to be done with a call that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its route.
    pub route: RouteKind,
    /// The agent, where the dial string told.
    pub agent: Option<AgentId>,
    /// Trunk of the agent's side.
    pub trunk: String,
    /// What is rung there.
    pub extension: String,
    /// Keys of the agent's phone that secure the line; empty for none.
    pub secure_code: String,
}

/// Whose number was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called<'t> {
    /// One of the tenant's Route 1 numbers.
    InPath(&'t NumberRoute),
    /// One of its Route 2 numbers, with something dialled behind it: a PIN, it is hoped.
    OnDemand {
        /// The number itself.
        number: &'t str,
        /// Trunk on which agents are rung back.
        trunk: &'t str,
    },
}

/// What a dialled user part is to a tenant; the longest number wins. Manifests refuse an on-demand
/// number that is the beginning of another: a PIN could make up the difference.
pub fn called<'t>(tenant: &'t Tenant, dialled: &str) -> Option<Called<'t>> {
    let fits = |number: &str, route: &NumberRoute| match route {
        NumberRoute::InPath { .. } => number == dialled,
        NumberRoute::OnDemand { .. } => dialled.starts_with(number),
    };
    let best = tenant.numbers.iter().filter(|n| fits(&n.number, &n.route)).max_by_key(|n| n.number.len())?;
    Some(match &best.route {
        route @ NumberRoute::InPath { .. } => Called::InPath(route),
        NumberRoute::OnDemand { trunk } => Called::OnDemand { number: &best.number, trunk },
    })
}

/// The plan of a Route 1 call.
pub fn in_path(route: &NumberRoute) -> Option<Plan> {
    let NumberRoute::InPath { trunk, extension, secure_code } = route else { return None };
    Some(Plan {
        route: RouteKind::InPath,
        agent: None,
        trunk: trunk.clone(),
        extension: extension.clone(),
        secure_code: secure_code.clone(),
    })
}

/// The plan of a Route 2 call whose PIN named this agent.
pub fn on_demand(tenant: &Tenant, agent: &AgentId, trunk: &str) -> Option<Plan> {
    let person = tenant.agent(agent)?;
    Some(Plan {
        route: RouteKind::OnDemand,
        agent: Some(agent.clone()),
        trunk: trunk.to_owned(),
        extension: person.extension.clone(),
        secure_code: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::Number;

    const LINE: fn(&str) -> NumberRoute = |extension| NumberRoute::InPath {
        trunk: "pbx".into(),
        extension: extension.into(),
        secure_code: "*7".into(),
    };

    fn tenant() -> Tenant {
        let ring_back = |trunk: &str| NumberRoute::OnDemand { trunk: trunk.into() };
        let number = |number: &str, route| Number { number: number.into(), route };
        let mut tenant = crate::call::tests::tenant();
        tenant.numbers = vec![
            number("8500", ring_back("pbx")),
            number("85001", ring_back("annexe")),
            number("8600", LINE("600")),
            number("+441289300100", LINE("queue")),
            number("sales", LINE("sales")),
            number("850012", LINE("direct")),
        ];
        let agent = |id: &str, extension: &str| crate::tenant::Agent {
            id: AgentId(id.into()),
            name: id.into(),
            extension: extension.into(),
            pin: tonewall_secret::Secret::new("482913".into()),
            password_hash: None,
        };
        tenant.agents = vec![agent("ann", "201"), agent("bob", "202")];
        tenant
    }

    fn told(dialled: &str) -> String {
        match called(&tenant(), dialled) {
            None => "nobody's".into(),
            Some(Called::InPath(NumberRoute::InPath { extension, .. })) => format!("in path to {extension}"),
            Some(Called::InPath(NumberRoute::OnDemand { .. })) => panic!("no Route 1 number"),
            Some(Called::OnDemand { number, trunk }) => format!("on demand {number} back on {trunk}"),
        }
    }

    #[test]
    fn whose_number_was_called() {
        let cases = [
            ("8600", "in path to 600"),
            ("+441289300100", "in path to queue"),
            ("sales", "in path to sales"),
            // A Route 1 number is the whole of what was dialled.
            ("86001", "nobody's"),
            ("860", "nobody's"),
            ("441289300100", "nobody's"),
            ("SALES", "nobody's"),
            // A Route 2 number begins it.
            ("8500", "on demand 8500 back on pbx"),
            ("8500482913", "on demand 8500 back on pbx"),
            ("8500*482913", "on demand 8500 back on pbx"),
            ("850", "nobody's"),
            ("18500482913", "nobody's"),
            // The longest wins, whichever route it is.
            ("85001*482913", "on demand 85001 back on annexe"),
            ("850012", "in path to direct"),
            ("8500123456", "on demand 85001 back on annexe"),
            ("", "nobody's"),
            ("8\u{fc}00", "nobody's"),
        ];
        for (dialled, expected) in cases {
            assert_eq!(told(dialled), expected, "{dialled:?}");
        }
    }

    #[test]
    fn the_plan_of_each_route() {
        let (tenant, ann) = (tenant(), AgentId("ann".into()));
        let plan = in_path(&LINE("queue")).expect("a Route 1 number");
        assert_eq!((plan.route, plan.agent.as_ref()), (RouteKind::InPath, None));
        assert_eq!(
            (plan.trunk.as_str(), plan.extension.as_str(), plan.secure_code.as_str()),
            ("pbx", "queue", "*7")
        );
        assert!(in_path(&NumberRoute::OnDemand { trunk: "pbx".into() }).is_none());

        let plan = on_demand(&tenant, &ann, "annexe").expect("an agent of the tenant");
        assert_eq!((plan.route, plan.agent), (RouteKind::OnDemand, Some(ann)));
        assert_eq!(
            (plan.trunk.as_str(), plan.extension.as_str(), plan.secure_code.as_str()),
            ("annexe", "201", "")
        );
        assert!(on_demand(&tenant, &AgentId("eve".into()), "pbx").is_none());
    }

    #[test]
    fn words_of_the_routes() {
        assert_eq!([RouteKind::InPath, RouteKind::OnDemand].map(RouteKind::as_str), ["in_path", "on_demand"]);
    }
}
