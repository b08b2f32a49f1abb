#compdef twofactor

autoload -U is-at-least

_twofactor() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_twofactor_commands" \
"*::: :->twofactor" \
&& ret=0
    case $state in
    (twofactor)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:twofactor-command-$line[1]:"
        case $line[1] in
            (setup)
_arguments "${_arguments_options[@]}" : \
'(--method --address --number --label --primary --language --qr --replace)--from=[Enrol everybody in a CSV file, without codes as proof]:FILE:_files' \
'--sheets=[With --from, write a sheet to print for each user, DIR/USER.html]:DIR:_files' \
'--method=[What to enrol]:M:((totp\:"An authenticator app"
hotp\:"A token, or an app, that counts"
email\:"Codes by mail"
sms\:"Codes by text message"))' \
'--address=[Where codes are mailed]:A:_default' \
'--number=[Where codes are texted, with the country\: +4930123456]:N:_default' \
'--label=[What the device is called; one person can have several \[default\: authenticator, token, mail or phone\]]:L:_default' \
'--language=[What the user is spoken to in from now on \[default\: as before, or as config.toml says\]]:L:((en\:"English"
de\:"German"
fr\:"French"))' \
'--qr=[The QR code\: terminal, none, or a new FILE.png, .svg or .html, a sheet \[default\: terminal\]]:HOW:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--primary[Begin logins with this one from now on, instead of the first that was enrolled]' \
'--no-confirm[Save at once, without a code as proof]' \
'--replace[Take the place of the device with the same label]' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::user -- Whom to enrol:_default' \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::user -- Whose; root has to say:_default' \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(report)
_arguments "${_arguments_options[@]}" : \
'*--log=[Read FILE, or - for standard input \[default\: the journal, or where syslog writes authpriv\]]:FILE:_files' \
'--since=[Count only the logins of the last TIME\: 12h, 7d]:TIME:_default' \
'*--group=[Count only the people of this group; more than one can be named]:G:_default' \
'--html=[Write a page with charts into FILE, or - for standard output]:FILE:_files' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(try)
_arguments "${_arguments_options[@]}" : \
'--service=[The service, a file in /etc/pam.d]:S:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':user -- Who logs in:_default' \
&& ret=0
;;
(recovery)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':user -- For whom:_default' \
&& ret=0
;;
(bypass)
_arguments "${_arguments_options[@]}" : \
'--lifetime=[How long it is good]:TIME:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':user -- Whom:_default' \
&& ret=0
;;
(invite)
_arguments "${_arguments_options[@]}" : \
'--lifetime=[How long it is good]:TIME:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':user -- Whom:_default' \
&& ret=0
;;
(test-send)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':medium -- By which way:((mail\:"By mail"
sms\:"By text message"))' \
':to -- To whom:_default' \
&& ret=0
;;
(unlock)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':user -- Whom:_default' \
&& ret=0
;;
(resync)
_arguments "${_arguments_options[@]}" : \
'--label=[Which device, if there are several]:L:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':user -- Whose:_default' \
&& ret=0
;;
(forget)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':user -- Whose:_default' \
&& ret=0
;;
(policy)
_arguments "${_arguments_options[@]}" : \
'--service=[The PAM service, a file in /etc/pam.d]:S:_default' \
'--rhost=[The address that they come from]:A:_default' \
'--tty=[The terminal]:T:_default' \
'--ssh-auth=[What sshd says has been proved to it, as in SSH_AUTH_INFO_0]:TEXT:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':user -- Who logs in; with su, whom they become:_default' \
&& ret=0
;;
(doctor)
_arguments "${_arguments_options[@]}" : \
'--user=[Explain one login of this user step by step instead]:U:_default' \
'--service=[The PAM service of that login, a file in /etc/pam.d]:S:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(language)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':user -- To whom:_default' \
':language -- In which:((en\:"English"
de\:"German"
fr\:"French"
default\:"What config.toml says"))' \
&& ret=0
;;
(remove)
_arguments "${_arguments_options[@]}" : \
'--method=[Only this method]:M:((totp\:"Every authenticator app; with the last device, the recovery codes go as well"
hotp\:"Every token that counts"
email\:"Every mailbox"
sms\:"Every telephone"
recovery\:"The recovery codes"))' \
'--label=[Only the device of this name]:L:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':user -- Whose:_default' \
&& ret=0
;;
(keys)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_twofactor__subcmd__keys_commands" \
"*::: :->keys" \
&& ret=0

    case $state in
    (keys)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:twofactor-keys-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
(rotate)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--resume[Add no key; only seal anew what is still under an older one, such as after an interruption]' \
'--retire[Then drop the keys under which nothing is sealed any more. Backups sealed under them are lost]' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
;;
        esac
    ;;
esac
;;
(import)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_twofactor__subcmd__import_commands" \
"*::: :->import" \
&& ret=0

    case $state in
    (import)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:twofactor-import-command-$line[1]:"
        case $line[1] in
            (google)
_arguments "${_arguments_options[@]}" : \
'--user=[Whose it is]:USER:_default' \
'--label=[What the device is called \[default\: authenticator or token\]]:L:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'(--user)--all[Take the file .google_authenticator of everybody who has one in their home directory]' \
'--dry-run[Say what would come over, and change nothing]' \
'--replace[Take the place of the device with the same label]' \
'--no-recovery[Issue no recovery codes]' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
'::file -- The file, or - for standard input:_files' \
&& ret=0
;;
(oath)
_arguments "${_arguments_options[@]}" : \
'--user=[Only this user]:USER:_default' \
'--label=[What the device is called \[default\: authenticator or token\]]:L:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--dry-run[Say what would come over, and change nothing]' \
'--replace[Take the place of the device with the same label]' \
'--no-recovery[Issue no recovery codes]' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':file -- The file, or - for standard input:_files' \
&& ret=0
;;
(otpauth)
_arguments "${_arguments_options[@]}" : \
'--user=[Whose they are]:USER:_default' \
'*--account=[Only the account of this name; more than one can be named]:NAME:_default' \
'--label=[What the device is called \[default\: authenticator or token\]]:L:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--dry-run[Say what would come over, and change nothing]' \
'--replace[Take the place of the device with the same label]' \
'--no-recovery[Issue no recovery codes]' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':file -- The file, or - for standard input:_files' \
&& ret=0
;;
(migration)
_arguments "${_arguments_options[@]}" : \
'--user=[Whose they are]:USER:_default' \
'*--account=[Only the account of this name; more than one can be named]:NAME:_default' \
'--label=[What the device is called \[default\: authenticator or token\]]:L:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--dry-run[Say what would come over, and change nothing]' \
'--replace[Take the place of the device with the same label]' \
'--no-recovery[Issue no recovery codes]' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':file -- The file, or - for standard input:_files' \
&& ret=0
;;
(passlib)
_arguments "${_arguments_options[@]}" : \
'--user=[Whose it is]:USER:_default' \
'--secrets=[The application'\''s secrets (SECURITY_TOTP_SECRETS)\: a JSON object, or lines such as 1\: SECRET]:FILE:_files' \
'--label=[What the device is called \[default\: authenticator or token\]]:L:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--trust[Ask for no code\: a wrong secret is found when its owner cannot log in]' \
'--dry-run[Say what would come over, and change nothing]' \
'--replace[Take the place of the device with the same label]' \
'--no-recovery[Issue no recovery codes]' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':file -- The file, or - for standard input:_files' \
&& ret=0
;;
        esac
    ;;
esac
;;
(export)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--force[Write them though standard output is not a terminal]' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':user -- Whose:_default' \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
'--label=[Which device, if there are several]:L:_default' \
'--qr=[The QR code\: terminal, none, or a new FILE.png, .svg or .html, a sheet \[default\: terminal\]]:HOW:_default' \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':user -- Whose:_default' \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
':shell -- Which:((bash\:"bash(1)"
zsh\:"zsh(1)"
fish\:"fish(1)"))' \
&& ret=0
;;
(man)
_arguments "${_arguments_options[@]}" : \
'--config=[Read the settings from PATH instead of /etc/twofactor/config.toml]:PATH:_files' \
'--json[Print one JSON value on standard output and nothing else there]' \
'--quiet[Print nothing but what was asked for and errors]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
':directory -- Which:_files' \
&& ret=0
;;
        esac
    ;;
esac
}

(( $+functions[_twofactor_commands] )) ||
_twofactor_commands() {
    local commands; commands=(
'setup:Enrol an app, a mailbox or a telephone\: prove a code, save, show the recovery codes' \
'status:Say what a user has and whether their codes are judged now' \
'list:List everybody who is enrolled' \
'report:Say how far a roll-out has come\: who is enrolled, how logins ended, whom \`required\` would refuse' \
'try:Log in through a real PAM service, in this terminal, and say what came out and why' \
'recovery:Issue new recovery codes; the old ones are void from then on' \
'bypass:Issue a code that lets somebody in once who has lost every method' \
'invite:Issue a code that lets somebody who is not enrolled set up an app at a login, once' \
'test-send:Send a test message and show every word of the conversation with the server' \
'unlock:Forget a user'\''s failures, so that codes are judged again at once' \
'resync:Find a device again by two codes in a row\: a clock that is off by up to 2 hours, a counter that ran ahead' \
'forget:Forget the logins that would spare a user the next code' \
'policy:Say which rule of \`\[policy\]\` holds for a login, and what would happen' \
'doctor:Look for what is set up in a way that cannot be meant, and say what to change' \
'language:Speak to a user in another language, at the prompt and in messages' \
'remove:Remove a user'\''s second factor, or one part of it' \
'keys:The numbered keys that seal secrets on disk' \
'import:Take over what another module or an app has\: nobody has to enrol again' \
'export:Show a user'\''s secrets as otpauth URIs, one a line, for an app or another host' \
'show:Show the QR code and the secret of a device again' \
'completions:Print what makes a shell complete the commands of this tool' \
'man:Write the manual page of this tool, twofactor.1, into a directory' \
    )
    _describe -t commands 'twofactor commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__bypass_commands] )) ||
_twofactor__subcmd__bypass_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor bypass commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__completions_commands] )) ||
_twofactor__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor completions commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__doctor_commands] )) ||
_twofactor__subcmd__doctor_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor doctor commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__export_commands] )) ||
_twofactor__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor export commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__forget_commands] )) ||
_twofactor__subcmd__forget_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor forget commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__import_commands] )) ||
_twofactor__subcmd__import_commands() {
    local commands; commands=(
'google:pam_google_authenticator'\''s file, of one user or of all who have one at home' \
'oath:pam_oath'\''s usersfile' \
'otpauth:otpauth\:// URIs, one a line' \
'migration:What Google Authenticator exports\: the text of its QR codes, one a line' \
'passlib:passlib'\''s JSON, as Flask-Security has it in tf_totp_secret. A code proves that it was opened rightly' \
    )
    _describe -t commands 'twofactor import commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__import__subcmd__google_commands] )) ||
_twofactor__subcmd__import__subcmd__google_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor import google commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__import__subcmd__migration_commands] )) ||
_twofactor__subcmd__import__subcmd__migration_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor import migration commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__import__subcmd__oath_commands] )) ||
_twofactor__subcmd__import__subcmd__oath_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor import oath commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__import__subcmd__otpauth_commands] )) ||
_twofactor__subcmd__import__subcmd__otpauth_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor import otpauth commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__import__subcmd__passlib_commands] )) ||
_twofactor__subcmd__import__subcmd__passlib_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor import passlib commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__invite_commands] )) ||
_twofactor__subcmd__invite_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor invite commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__keys_commands] )) ||
_twofactor__subcmd__keys_commands() {
    local commands; commands=(
'list:List the keys and how many enrolments are sealed under each' \
'rotate:Add a key and seal every enrolment anew under it; nobody has to enrol again' \
    )
    _describe -t commands 'twofactor keys commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__keys__subcmd__list_commands] )) ||
_twofactor__subcmd__keys__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor keys list commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__keys__subcmd__rotate_commands] )) ||
_twofactor__subcmd__keys__subcmd__rotate_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor keys rotate commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__language_commands] )) ||
_twofactor__subcmd__language_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor language commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__list_commands] )) ||
_twofactor__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor list commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__man_commands] )) ||
_twofactor__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor man commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__policy_commands] )) ||
_twofactor__subcmd__policy_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor policy commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__recovery_commands] )) ||
_twofactor__subcmd__recovery_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor recovery commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__remove_commands] )) ||
_twofactor__subcmd__remove_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor remove commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__report_commands] )) ||
_twofactor__subcmd__report_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor report commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__resync_commands] )) ||
_twofactor__subcmd__resync_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor resync commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__setup_commands] )) ||
_twofactor__subcmd__setup_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor setup commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__show_commands] )) ||
_twofactor__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor show commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__status_commands] )) ||
_twofactor__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor status commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__test-send_commands] )) ||
_twofactor__subcmd__test-send_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor test-send commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__try_commands] )) ||
_twofactor__subcmd__try_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor try commands' commands "$@"
}
(( $+functions[_twofactor__subcmd__unlock_commands] )) ||
_twofactor__subcmd__unlock_commands() {
    local commands; commands=()
    _describe -t commands 'twofactor unlock commands' commands "$@"
}

if [ "$funcstack[1]" = "_twofactor" ]; then
    _twofactor "$@"
else
    compdef _twofactor twofactor
fi
