package s3store

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/wire"
)

// identityError reports a credential chain that came up empty. What it wraps may be an
// answer, of STS for example, which is none of the store's.
type identityError struct{ err error }

func (e *identityError) Error() string { return "get identity: " + e.err.Error() }
func (e *identityError) Unwrap() error { return e.err }

// named says what the matter is, by its own name where it has one. The cause is left out
// where its text may hold what nobody is to see.
func (e *identityError) named() (kind, beneath error) {
	var known objectstore.CredentialsError
	text := e.err.Error() // where the SDK has no type
	var session *ssocreds.InvalidTokenError
	ended := errors.As(e.err, &session) || strings.Contains(text, "SSO token")
	var process *processcreds.ProviderError
	var asked *smithy.OperationError
	switch {
	case errors.As(e.err, &known):
		return known, nil
	case ended && errors.Is(e.err, fs.ErrNotExist):
		return sso("the SSO session was never begun on this machine"), nil
	case ended:
		return sso("the SSO session has expired"), nil
	case errors.As(e.err, &process):
		return objectstore.CredentialsError{Text: "the credential_process of the profile gave no credentials",
			Next: "run the command that the profile names by hand, and see what it says"}, nil
	case strings.Contains(text, "failed to retrieve jwt"):
		return objectstore.CredentialsError{Text: "the web identity token cannot be read",
			Next: "see that AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file of the profile, names the file that the " +
				"platform (a Kubernetes pod, a CI job) writes"}, wire.Cause(e.err)
	case errors.As(e.err, &asked) && asked.Service() == "STS":
		return refusedBySTS(asked, e.err), nil
	case errors.As(e.err, &asked) && asked.Service() == "SSO":
		return refusedBySSO(e.err), nil
	}
	return objectstore.ErrCredentials, wire.Cause(e.err)
}

func sso(text string) error {
	return objectstore.CredentialsError{Text: text,
		Next: "begin one: aws sso login, with --profile or --sso-session as in the AWS configuration"}
}

func refusedBySSO(err error) error {
	switch code := refusal(err); code {
	case "UnauthorizedException":
		return sso("the SSO session has expired (" + code + ")")
	default:
		return objectstore.CredentialsError{Text: "SSO gave no credentials for the role of the profile (" + code + ")",
			Next: "see that sso_account_id and sso_role_name of the profile are assigned to you"}
	}
}

// webIdentity is the one question to STS that is not signed.
const webIdentity = "AssumeRoleWithWebIdentity"

// refusedBySTS names a refusal of STS (AWS STS API Reference, "AssumeRole",
// "AssumeRoleWithWebIdentity" and "Common errors").
func refusedBySTS(asked *smithy.OperationError, err error) error {
	question, code := asked.Operation(), refusal(err)
	said := " (" + question + ", " + code + ")"
	web := question == webIdentity
	switch code {
	case "AccessDenied", "AccessDeniedException":
		next := "let the trust policy of the role (role_arn of the profile, AWS_ROLE_ARN) name who these credentials are, " +
			"and give them sts:AssumeRole on it"
		if web {
			next = "let the trust policy of the role (AWS_ROLE_ARN) name the identity provider, with the audience and the " +
				"subject of the token"
		}
		return objectstore.CredentialsError{Text: "STS does not let these credentials have the role" + said, Next: next}
	case "ExpiredToken", "ExpiredTokenException":
		if web {
			return objectstore.CredentialsError{Text: "the web identity token has expired" + said,
				Next: "see that the platform still renews the file that AWS_WEB_IDENTITY_TOKEN_FILE names, or ask it for a new " +
					"token"}
		}
		return objectstore.CredentialsError{Text: "the session token by which the role is asked for has expired" + said,
			Next: errTokenExpired.Next}
	case "InvalidIdentityToken", "IDPRejectedClaim", "IDPCommunicationError":
		return objectstore.CredentialsError{Text: "STS does not accept the web identity token" + said,
			Next: "see that the account has the identity provider that issued it, and that the role trusts its audience"}
	case "RegionDisabledException":
		return objectstore.CredentialsError{Text: "STS is not enabled in its region" + said,
			Next: "enable the region in the account, or name another one (AWS_REGION, region of the profile)"}
	case "InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationToken", "IncompleteSignature":
		return objectstore.CredentialsError{Text: "STS does not know the keys by which the role is asked for" + said,
			Next: "check the profile that source_profile names, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}
	case unanswered:
		return objectstore.CredentialsError{Text: "STS did not answer, from which the credentials are had" + said,
			Next: "see that STS can be reached from here, in the region that AWS_REGION or the profile names"}
	}
	return objectstore.CredentialsError{Text: "STS gave no credentials" + said,
		Next: "check the role and the profile by aws sts get-caller-identity"}
}

// errTokenExpired reports temporary credentials that are over, as the store says.
var errTokenExpired = objectstore.CredentialsError{Text: "the session token has expired",
	Next: "get new temporary credentials (aws sso login, aws sts assume-role, or from where they came)"}

// misread refuses keys that cannot be what was meant: with a line break, most of the
// time, that came along when they were stored as a secret.
func misread(c aws.Credentials) error {
	for _, key := range []struct{ name, value string }{
		{"access key ID", c.AccessKeyID}, {"secret access key", c.SecretAccessKey}, {"session token", c.SessionToken},
	} {
		if strings.IndexFunc(key.value, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
			return objectstore.CredentialsError{
				Text: "the " + key.name + " has a line break, a space or another character that no key has",
				Next: "set it anew without (a secret that was stored with echo ends in a line break; printf does not add one)"}
		}
	}
	return nil
}

// unknownKeys tells of a code that says that keys are not known where they were used.
func unknownKeys(code string) bool {
	return code == "InvalidAccessKeyId" || code == "InvalidToken" || code == "InvalidClientTokenId"
}

// always are the regions of partition aws that each account has. Those that were opened
// after 20 March 2019 have to be enabled first (AWS Account Management Reference Guide,
// "Enable or disable AWS Regions in your account").
func always() []string {
	return []string{"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1",
		"ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
		"us-east-1", "us-east-2", "us-west-1", "us-west-2"}
}

// optedIn tells whether an account has a region only once somebody has enabled it.
func optedIn(region string) bool { return regional(region) && !slices.Contains(always(), region) }

// notEnabled reports keys that a region does not know which has to be enabled first (seen
// in aws/aws-cli issue 8413 and boto/boto3 issue 4580).
func notEnabled(region string) error {
	return objectstore.CredentialsError{
		Text: "the credentials are not known in " + region + ", which each account has to enable first",
		Next: "enable it in the account that the credentials are of (aws account enable-region --region-name " + region +
			"), or take it out of the configuration; temporary credentials are known there if STS was asked for them in a " +
			"region, and not at its global address"}
}
