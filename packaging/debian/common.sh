
readonly ROOT=${DPKG_ROOT-}
readonly COMMON_AUTH=$ROOT/etc/pam.d/common-auth
# There while the package is being removed, with the arguments that the profile had.
readonly REMOVING=$ROOT/var/lib/twofactor/removing
# The same while postinst puts the profile back, also if it is killed half-way.
readonly RESTORING=$ROOT/var/lib/twofactor/restoring
# Where PAM finds the module, and the same while an upgrade is unpacked and not configured.
readonly MODULE=$ROOT/lib/#DEB_HOST_MULTIARCH#/security/pam_twofactor.so
readonly KEPT=$ROOT/var/lib/twofactor/pam_twofactor.so
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

# So that no stack names the module once it is gone: turns the profile off, or says who else does and ends.
leave_stacks() {
    refuse_if_named "$(by_hand)" \
        'take the lines out first (the profile with: pam-auth-update --disable twofactor), then remove the package again'
    if is_on; then
        turn_off
    fi
}

turn_off() {
    before=$(named)
    if [ -n "$before" ]; then
        remember_profile
    fi
    update_profiles --remove twofactor
    # Before dpkg removes anything, also if the power goes.
    sync "$COMMON_AUTH" "${COMMON_AUTH%/*}"
    if [ -n "$(named)" ]; then
        rm -f "$REMOVING"
    fi
    refuse_if_named "$(stacks "$ROOT")" \
        'pam-auth-update leaves common-auth alone, as it has local changes: take the line out, then remove the package again'
    if [ -n "$before" ]; then
        echo 'pam-twofactor: the profile is turned off; nobody is asked for a second factor any more' >&2
    fi
}

is_on() {
    grep -qsxF 'Module: twofactor' "$ROOT/var/lib/pam/auth"
}

# Every stack that names the module but common-auth, by whichever name, where there is nothing but the profile's line.
by_hand() {
    common=
    if is_on && [ "$(named)" = "$(of_profile)" ]; then
        common=$(realpath "$COMMON_AUTH")
    fi
    stacks "$ROOT" | while read -r stack; do
        if [ "$(realpath "$stack")" != "$common" ]; then
            echo "$stack"
        fi
    done
}

refuse_if_named() {
    if [ -n "$1" ]; then
        echo "error: PAM still uses pam_twofactor.so and would refuse everybody without it: $(echo "$1" | paste -sd ' ')" >&2
        echo "hint: $2" >&2
        exit 1
    fi
}

# That it was on and with which arguments, for postinst: if the removal fails after all, logins must go on asking.
remember_profile() {
    [ -d "${REMOVING%/*}" ] || mkdir -m 0700 "${REMOVING%/*}"
    of_profile | sed 's/.*pam_twofactor\.so[[:space:]]*//' >"$REMOVING.new"
    sync "$REMOVING.new"
    mv -f "$REMOVING.new" "$REMOVING"
    sync "${REMOVING%/*}"
}

