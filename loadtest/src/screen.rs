//! An agent at the screen's own HTTP interface: signs in as a browser would, and presses its buttons.

use std::time::Duration;

use serde_json::Value;

use crate::api::{ApiError, init_tls};

/// Longest wait for an answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// A signed-in agent.
pub struct AgentScreen {
    client: reqwest::Client,
    base: String,
    cookie: String,
    csrf: String,
}

/// An answer that was read whole.
struct Page {
    status: u16,
    cookies: Vec<String>,
    text: String,
}

impl AgentScreen {
    /// Signs in at `base`, for example `http://127.0.0.1:8080`, as `ada@harbour`.
    ///
    /// # Errors
    /// `Refused` if name and password are not taken.
    pub async fn sign_in(base: &str, name: &str, password: &str) -> Result<Self, ApiError> {
        init_tls();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(REQUEST_TIMEOUT)
            .build()
            .map_err(|error| ApiError::Unreachable(error.to_string()))?;
        let base = base.trim_end_matches('/').to_owned();
        let mut screen = Self { client, base, cookie: String::new(), csrf: String::new() };
        let door = screen.get("/sign-in").await?;
        screen.csrf =
            token_in(&door.text).ok_or(ApiError::Malformed("no token on the sign-in page".into()))?;
        screen.keep(&door.cookies);
        let csrf = screen.csrf.clone();
        let fields = [("name", name), ("password", password), ("csrf", csrf.as_str())];
        let entered = screen.post("/sign-in", &fields, "text/html").await?;
        if entered.status != 303 {
            let message = "the sign-in was not taken".to_owned();
            return Err(ApiError::Refused { status: entered.status, code: "sign_in".into(), message });
        }
        screen.keep(&entered.cookies);
        let desk = screen.get("/desk").await?;
        screen.keep(&desk.cookies);
        screen.csrf = token_in(&desk.text).ok_or(ApiError::Malformed("no token on the desk page".into()))?;
        Ok(screen)
    }

    /// Presses a button of a call: `POST /desk/{call}/{action}`; gives the screen that follows.
    ///
    /// # Errors
    /// `Refused` with the words that the agent would read.
    pub async fn act(&self, call: &str, action: &str, fields: &[(&str, &str)]) -> Result<Value, ApiError> {
        let page = self.post(&format!("/desk/{call}/{action}"), fields, "application/json").await?;
        let body: Value = serde_json::from_str(&page.text).unwrap_or_default();
        if (200..300).contains(&page.status) {
            return Ok(body);
        }
        let word = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
        Err(ApiError::Refused { status: page.status, code: word("code"), message: word("message") })
    }

    /// The screen with this call on it, as `GET /desk/screen` gives it.
    ///
    /// # Errors
    /// `Malformed` if it is no JSON.
    pub async fn screen(&self, call: &str) -> Result<Value, ApiError> {
        let page = self.get(&format!("/desk/screen?call={call}")).await?;
        serde_json::from_str(&page.text).map_err(|error| ApiError::Malformed(error.to_string()))
    }

    async fn get(&self, path: &str) -> Result<Page, ApiError> {
        self.read(self.client.get(format!("{}{path}", self.base))).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)], accept: &str) -> Result<Page, ApiError> {
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", accept)
            .header("origin", &self.base)
            .header("sec-fetch-site", "same-origin")
            .header("x-csrf-token", &self.csrf)
            .body(form(fields)?);
        self.read(request).await
    }

    async fn read(&self, request: reqwest::RequestBuilder) -> Result<Page, ApiError> {
        let unreachable = |error: reqwest::Error| ApiError::Unreachable(error.to_string());
        let response = request.header("cookie", &self.cookie).send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let cookies = response.headers().get_all("set-cookie").iter();
        let cookies = cookies.filter_map(|cookie| Some(cookie.to_str().ok()?.split(';').next()?.to_owned()));
        let cookies = cookies.collect();
        Ok(Page { status, cookies, text: response.text().await.map_err(unreachable)? })
    }

    fn keep(&mut self, cookies: &[String]) {
        if !cookies.is_empty() {
            self.cookie = cookies.join("; ");
        }
    }
}

/// Fields as a form sends them.
fn form(fields: &[(&str, &str)]) -> Result<String, ApiError> {
    let mut url =
        reqwest::Url::parse("http://form/").map_err(|error| ApiError::Malformed(error.to_string()))?;
    url.query_pairs_mut().extend_pairs(fields);
    Ok(url.query().unwrap_or_default().to_owned())
}

/// The value of the first field that is named `csrf`.
fn token_in(html: &str) -> Option<String> {
    let tag = html.split('<').find(|tag| tag.contains("name=\"csrf\""))?;
    let value = tag.split_once("value=\"")?.1.split('"').next()?;
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_tokens() {
        assert_eq!(form(&[("a", "x y+&"), ("b", "é")]).as_deref(), Ok("a=x+y%2B%26&b=%C3%A9"));
        assert_eq!(token_in("<p><input type=hidden value=\"t1\" name=\"csrf\"><b>").as_deref(), Some("t1"));
        assert_eq!(token_in("<input name=\"csrf\" value=\"\">"), None);
        assert_eq!(token_in("<input name=\"other\" value=\"x\">"), None);
    }
}
