//! Where the masked sound of a call is written to, for tenants that want it.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tonewall_model::ids::CallId;
use tonewall_model::tenant::Tenant;

/// What was said on a call is nobody else's on this machine.
const OWNER_ALONE: u32 = 0o700;

/// Makes the folders, before the first call needs one.
///
/// # Errors
/// Of the system; also where one of them is something else than a folder.
pub fn prepare<'a>(folder: &Path, tenants: impl IntoIterator<Item = &'a Tenant>) -> io::Result<()> {
    for tenant in tenants.into_iter().filter(|tenant| tenant.tap) {
        let own = of_tenant(folder, tenant);
        DirBuilder::new().recursive(true).mode(OWNER_ALONE).create(&own)?;
        // One that was there before may be open to others.
        std::fs::set_permissions(&own, Permissions::from_mode(OWNER_ALONE))?;
    }
    Ok(())
}

/// The file of a call, where its tenant wants one.
pub(super) fn file(folder: Option<&Path>, tenant: &Tenant, call: &CallId) -> Option<PathBuf> {
    let folder = folder.filter(|_| tenant.tap)?;
    Some(of_tenant(folder, tenant).join(format!("{call}.wav")))
}

fn of_tenant(folder: &Path, tenant: &Tenant) -> PathBuf {
    folder.join(tenant.id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::tests::Folder;
    use crate::tenancy::{Secrets, load, suits};
    use std::sync::Arc;

    /// An organisation of the demo, with these lines at the head of its manifest.
    fn tenants(lines: &str) -> Vec<Arc<Tenant>> {
        let (folder, own) = (Folder::new("tapped"), Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants"));
        let text = std::fs::read_to_string(own.join("harbour.toml")).expect("a manifest");
        folder.write("harbour.toml", format!("{lines}\n{text}").as_bytes());
        folder.write("harbour.png", &std::fs::read(own.join("harbour.png")).expect("a logo"));
        load(folder.path(), &Secrets::only_given()).map_err(|problems| problems.to_string()).expect("good")
    }

    #[test]
    fn a_tenant_that_wants_a_tap_needs_a_folder() {
        let with = tenants("tap = true");
        let problems = suits(&with, None).expect_err("no folder");
        assert_eq!(
            problems.to_string().trim_end(),
            "configuration: tap.folder: is not set, and the manifest of harbour has tap = true"
        );
        assert!(suits(&with, Some(Path::new("taps"))).is_ok());
        assert!(suits(&tenants("tap = false"), None).is_ok());
    }

    #[test]
    fn a_folder_a_tenant_and_a_file_a_call() {
        let (folder, call) = (Folder::new("taps"), CallId::from_random(7));
        let (with, without) = (tenants("tap = true").remove(0), tenants("").remove(0));
        let root = folder.path().join("deep/taps");
        assert_eq!(file(Some(&root), &without, &call), None);
        assert_eq!(file(None, &with, &call), None);
        prepare(&root, [without.as_ref()]).expect("nothing to do");
        assert!(!root.exists());
        prepare(&root, [with.as_ref()]).expect("made");
        let path = file(Some(&root), &with, &call).expect("a file");
        assert_eq!(path, root.join(format!("harbour/{call}.wav")));
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&root.join("harbour")), OWNER_ALONE);
        std::fs::set_permissions(root.join("harbour"), Permissions::from_mode(0o755)).expect("opened");
        prepare(&root, [with.as_ref()]).expect("again");
        assert_eq!(mode(&root.join("harbour")), OWNER_ALONE);
        folder.write("file", b"");
        assert!(prepare(&folder.path().join("file"), [with.as_ref()]).is_err());
    }
}
