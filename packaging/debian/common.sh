
readonly ROOT=${DPKG_ROOT-}
readonly COMMON_AUTH=$ROOT/etc/pam.d/common-auth
# There while the package is being removed, with the arguments that the profile had.
readonly REMOVING=$ROOT/var/lib/twofactor/removing
# The same while postinst puts the profile back, also if it is killed half-way.
readonly RESTORING=$ROOT/var/lib/twofactor/restoring
# Where in common-auth pam-auth-update puts the line of the profile.
readonly MANAGED='/^# and here are more per-package modules/,/^# end of pam-auth-update config/'
readonly LINE='^auth[[:space:]]\{1,\}required[[:space:]]\{1,\}pam_twofactor\.so'

update_profiles() {
    pam-auth-update ${ROOT:+--root "$ROOT"} --package "$@"
}

# The lines of common-auth that name the module, and the one that the profile has put there.
named() {
    grep -sE '^[^#]*pam_twofactor\.so' "$COMMON_AUTH" || true
}

of_profile() {
    sed -n "$MANAGED { /$LINE/ { p; q } }" "$COMMON_AUTH"
}

