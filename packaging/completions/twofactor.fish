# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_twofactor_global_optspecs
    string join \n config= json quiet h/help V/version
end

function __fish_twofactor_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_twofactor_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_twofactor_using_subcommand
    set -l cmd (__fish_twofactor_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c twofactor -n "__fish_twofactor_needs_command" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_needs_command" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_needs_command" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_needs_command" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_needs_command" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "setup" -d 'Enrol an app, a mailbox or a telephone: prove a code, save, show the recovery codes'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "status" -d 'Say what a user has and whether their codes are judged now'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "list" -d 'List everybody who is enrolled'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "report" -d 'Say how far a roll-out has come: who is enrolled, how logins ended, whom `required` would refuse'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "try" -d 'Log in through a real PAM service, in this terminal, and say what came out and why'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "recovery" -d 'Issue new recovery codes; the old ones are void from then on'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "bypass" -d 'Issue a code that lets somebody in once who has lost every method'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "invite" -d 'Issue a code that lets somebody who is not enrolled set up an app at a login, once'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "test-send" -d 'Send a test message and show every word of the conversation with the server'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "unlock" -d 'Forget a user\'s failures, so that codes are judged again at once'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "resync" -d 'Find a device again by two codes in a row: a clock that is off by up to 2 hours, a counter that ran ahead'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "forget" -d 'Forget the logins that would spare a user the next code'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "policy" -d 'Say which rule of `[policy]` holds for a login, and what would happen'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "doctor" -d 'Look for what is set up in a way that cannot be meant, and say what to change'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "language" -d 'Speak to a user in another language, at the prompt and in messages'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "remove" -d 'Remove a user\'s second factor, or one part of it'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "keys" -d 'The numbered keys that seal secrets on disk'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "import" -d 'Take over what another module or an app has: nobody has to enrol again'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "export" -d 'Show a user\'s secrets as otpauth URIs, one a line, for an app or another host'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "show" -d 'Show the QR code and the secret of a device again'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "completions" -d 'Print what makes a shell complete the commands of this tool'
complete -c twofactor -n "__fish_twofactor_needs_command" -f -a "man" -d 'Write the manual page of this tool, twofactor.1, into a directory'
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l from -d 'Enrol everybody in a CSV file, without codes as proof' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l sheets -d 'With --from, write a sheet to print for each user, DIR/USER.html' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l method -d 'What to enrol' -r -f -a "totp\t'An authenticator app'
hotp\t'A token, or an app, that counts'
email\t'Codes by mail'
sms\t'Codes by text message'"
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l address -d 'Where codes are mailed' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l number -d 'Where codes are texted, with the country: +4930123456' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l label -d 'What the device is called; one person can have several [default: authenticator, token, mail or phone]' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l language -d 'What the user is spoken to in from now on [default: as before, or as config.toml says]' -r -f -a "en\t'English'
de\t'German'
fr\t'French'"
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l qr -d 'The QR code: terminal, none, or a new FILE.png, .svg or .html, a sheet [default: terminal]' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l primary -d 'Begin logins with this one from now on, instead of the first that was enrolled'
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l no-confirm -d 'Save at once, without a code as proof'
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l replace -d 'Take the place of the device with the same label'
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c twofactor -n "__fish_twofactor_using_subcommand setup" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand status" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand status" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand status" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand status" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand status" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand list" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand list" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand list" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand list" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand list" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand report" -l log -d 'Read FILE, or - for standard input [default: the journal, or where syslog writes authpriv]' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand report" -l since -d 'Count only the logins of the last TIME: 12h, 7d' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand report" -l group -d 'Count only the people of this group; more than one can be named' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand report" -l html -d 'Write a page with charts into FILE, or - for standard output' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand report" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand report" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand report" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand report" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand report" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand try" -l service -d 'The service, a file in /etc/pam.d' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand try" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand try" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand try" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand try" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand try" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand recovery" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand recovery" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand recovery" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand recovery" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand recovery" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand bypass" -l lifetime -d 'How long it is good' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand bypass" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand bypass" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand bypass" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand bypass" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand bypass" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand invite" -l lifetime -d 'How long it is good' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand invite" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand invite" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand invite" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand invite" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand invite" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand test-send" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand test-send" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand test-send" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand test-send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c twofactor -n "__fish_twofactor_using_subcommand test-send" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand unlock" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand unlock" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand unlock" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand unlock" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand unlock" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand resync" -l label -d 'Which device, if there are several' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand resync" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand resync" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand resync" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand resync" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand resync" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand forget" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand forget" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand forget" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand forget" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand forget" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand policy" -l service -d 'The PAM service, a file in /etc/pam.d' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand policy" -l rhost -d 'The address that they come from' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand policy" -l tty -d 'The terminal' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand policy" -l ssh-auth -d 'What sshd says has been proved to it, as in SSH_AUTH_INFO_0' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand policy" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand policy" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand policy" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand policy" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand policy" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand doctor" -l user -d 'Explain one login of this user step by step instead' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand doctor" -l service -d 'The PAM service of that login, a file in /etc/pam.d' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand doctor" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand doctor" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand doctor" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand language" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand language" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand language" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand language" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c twofactor -n "__fish_twofactor_using_subcommand language" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand remove" -l method -d 'Only this method' -r -f -a "totp\t'Every authenticator app; with the last device, the recovery codes go as well'
hotp\t'Every token that counts'
email\t'Every mailbox'
sms\t'Every telephone'
recovery\t'The recovery codes'"
complete -c twofactor -n "__fish_twofactor_using_subcommand remove" -l label -d 'Only the device of this name' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand remove" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand remove" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand remove" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c twofactor -n "__fish_twofactor_using_subcommand remove" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and not __fish_seen_subcommand_from list rotate" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and not __fish_seen_subcommand_from list rotate" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and not __fish_seen_subcommand_from list rotate" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and not __fish_seen_subcommand_from list rotate" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and not __fish_seen_subcommand_from list rotate" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and not __fish_seen_subcommand_from list rotate" -f -a "list" -d 'List the keys and how many enrolments are sealed under each'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and not __fish_seen_subcommand_from list rotate" -f -a "rotate" -d 'Add a key and seal every enrolment anew under it; nobody has to enrol again'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and __fish_seen_subcommand_from list" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and __fish_seen_subcommand_from list" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and __fish_seen_subcommand_from rotate" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and __fish_seen_subcommand_from rotate" -l resume -d 'Add no key; only seal anew what is still under an older one, such as after an interruption'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and __fish_seen_subcommand_from rotate" -l retire -d 'Then drop the keys under which nothing is sealed any more. Backups sealed under them are lost'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and __fish_seen_subcommand_from rotate" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and __fish_seen_subcommand_from rotate" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand keys; and __fish_seen_subcommand_from rotate" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and not __fish_seen_subcommand_from google oath otpauth migration passlib" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and not __fish_seen_subcommand_from google oath otpauth migration passlib" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and not __fish_seen_subcommand_from google oath otpauth migration passlib" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and not __fish_seen_subcommand_from google oath otpauth migration passlib" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and not __fish_seen_subcommand_from google oath otpauth migration passlib" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and not __fish_seen_subcommand_from google oath otpauth migration passlib" -f -a "google" -d 'pam_google_authenticator\'s file, of one user or of all who have one at home'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and not __fish_seen_subcommand_from google oath otpauth migration passlib" -f -a "oath" -d 'pam_oath\'s usersfile'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and not __fish_seen_subcommand_from google oath otpauth migration passlib" -f -a "otpauth" -d 'otpauth:// URIs, one a line'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and not __fish_seen_subcommand_from google oath otpauth migration passlib" -f -a "migration" -d 'What Google Authenticator exports: the text of its QR codes, one a line'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and not __fish_seen_subcommand_from google oath otpauth migration passlib" -f -a "passlib" -d 'passlib\'s JSON, as Flask-Security has it in tf_totp_secret. A code proves that it was opened rightly'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from google" -l user -d 'Whose it is' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from google" -l label -d 'What the device is called [default: authenticator or token]' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from google" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from google" -l all -d 'Take the file .google_authenticator of everybody who has one in their home directory'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from google" -l dry-run -d 'Say what would come over, and change nothing'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from google" -l replace -d 'Take the place of the device with the same label'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from google" -l no-recovery -d 'Issue no recovery codes'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from google" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from google" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from google" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from google" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from oath" -l user -d 'Only this user' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from oath" -l label -d 'What the device is called [default: authenticator or token]' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from oath" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from oath" -l dry-run -d 'Say what would come over, and change nothing'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from oath" -l replace -d 'Take the place of the device with the same label'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from oath" -l no-recovery -d 'Issue no recovery codes'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from oath" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from oath" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from oath" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from oath" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from otpauth" -l user -d 'Whose they are' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from otpauth" -l account -d 'Only the account of this name; more than one can be named' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from otpauth" -l label -d 'What the device is called [default: authenticator or token]' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from otpauth" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from otpauth" -l dry-run -d 'Say what would come over, and change nothing'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from otpauth" -l replace -d 'Take the place of the device with the same label'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from otpauth" -l no-recovery -d 'Issue no recovery codes'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from otpauth" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from otpauth" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from otpauth" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from otpauth" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from migration" -l user -d 'Whose they are' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from migration" -l account -d 'Only the account of this name; more than one can be named' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from migration" -l label -d 'What the device is called [default: authenticator or token]' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from migration" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from migration" -l dry-run -d 'Say what would come over, and change nothing'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from migration" -l replace -d 'Take the place of the device with the same label'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from migration" -l no-recovery -d 'Issue no recovery codes'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from migration" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from migration" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from migration" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from migration" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from passlib" -l user -d 'Whose it is' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from passlib" -l secrets -d 'The application\'s secrets (SECURITY_TOTP_SECRETS): a JSON object, or lines such as 1: SECRET' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from passlib" -l label -d 'What the device is called [default: authenticator or token]' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from passlib" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from passlib" -l trust -d 'Ask for no code: a wrong secret is found when its owner cannot log in'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from passlib" -l dry-run -d 'Say what would come over, and change nothing'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from passlib" -l replace -d 'Take the place of the device with the same label'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from passlib" -l no-recovery -d 'Issue no recovery codes'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from passlib" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from passlib" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from passlib" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand import; and __fish_seen_subcommand_from passlib" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand export" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand export" -l force -d 'Write them though standard output is not a terminal'
complete -c twofactor -n "__fish_twofactor_using_subcommand export" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand export" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand export" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand export" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand show" -l label -d 'Which device, if there are several' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand show" -l qr -d 'The QR code: terminal, none, or a new FILE.png, .svg or .html, a sheet [default: terminal]' -r
complete -c twofactor -n "__fish_twofactor_using_subcommand show" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand show" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand show" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand show" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand show" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand completions" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand completions" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand completions" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c twofactor -n "__fish_twofactor_using_subcommand completions" -s V -l version -d 'Print version'
complete -c twofactor -n "__fish_twofactor_using_subcommand man" -l config -d 'Read the settings from PATH instead of /etc/twofactor/config.toml' -r -F
complete -c twofactor -n "__fish_twofactor_using_subcommand man" -l json -d 'Print one JSON value on standard output and nothing else there'
complete -c twofactor -n "__fish_twofactor_using_subcommand man" -l quiet -d 'Print nothing but what was asked for and errors'
complete -c twofactor -n "__fish_twofactor_using_subcommand man" -s h -l help -d 'Print help'
complete -c twofactor -n "__fish_twofactor_using_subcommand man" -s V -l version -d 'Print version'
