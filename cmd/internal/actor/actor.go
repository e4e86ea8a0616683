// Package actor tells who runs this program, and where: the user and the machine by the
// operating system, the job by the variables that CI services set.
package actor

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"os"
	"os/user"
	"strings"
	"unicode"

	"github.com/residency/residency/migrate/certificate"
)

// longest bounds what a variable can put into a certificate, in bytes.
const longest = 300

// Here is who runs this process. What the machine does not tell is left empty. The country is
// the one that the configuration declares, if any.
func Here(getenv func(string) string, version, country string) certificate.Actor {
	a := certificate.Actor{CI: Job(getenv), Basis: certificate.NotDetermined,
		Program: certificate.Program{Version: version, SHA256: program()}}
	if country != "" {
		a.Country, a.Basis = country, certificate.Declared
	}
	if u, err := user.Current(); err == nil {
		a.User = clean(u.Username)
	}
	if host, err := os.Hostname(); err == nil {
		a.Host = clean(host)
	}
	return a
}

// program is the SHA-256 of the file that runs.
func program() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Job is what the variables of a CI service say, nil if there are none of one that is known.
func Job(getenv func(string) string) *certificate.CI {
	get := func(name string) string { return clean(getenv(name)) }
	first := func(names ...string) string {
		for _, name := range names {
			if v := get(name); v != "" {
				return v
			}
		}
		return ""
	}
	joined := func(parts ...string) string {
		for i := 0; i < len(parts); i += 2 { // every other one is a variable's value
			if parts[i] == "" {
				return ""
			}
		}
		return strings.Join(parts, "")
	}
	var c certificate.CI
	switch {
	case getenv("GITHUB_ACTIONS") == "true":
		server, repository := strings.TrimSuffix(get("GITHUB_SERVER_URL"), "/"), get("GITHUB_REPOSITORY")
		c = certificate.CI{Service: "GitHub Actions", Repository: joined(server, "/", repository), Commit: get("GITHUB_SHA"),
			Run:   joined(server, "/", repository, "/actions/runs/", get("GITHUB_RUN_ID")),
			Actor: first("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR")}
	case getenv("GITLAB_CI") == "true":
		c = certificate.CI{Service: "GitLab CI", Repository: first("CI_PROJECT_URL", "CI_PROJECT_PATH"),
			Commit: get("CI_COMMIT_SHA"), Run: first("CI_JOB_URL", "CI_PIPELINE_URL"), Actor: get("GITLAB_USER_LOGIN")}
	case getenv("BUILDKITE") == "true":
		c = certificate.CI{Service: "Buildkite", Repository: get("BUILDKITE_REPO"), Commit: get("BUILDKITE_COMMIT"),
			Run:      joined(get("BUILDKITE_BUILD_URL"), "#", get("BUILDKITE_JOB_ID")),
			Actor:    first("BUILDKITE_BUILD_CREATOR", "BUILDKITE_BUILD_CREATOR_EMAIL"),
			Approver: first("BUILDKITE_UNBLOCKER", "BUILDKITE_UNBLOCKER_EMAIL")}
	case getenv("TF_BUILD") != "":
		c = certificate.CI{Service: "Azure DevOps", Repository: first("BUILD_REPOSITORY_URI", "BUILD_REPOSITORY_NAME"),
			Commit: get("BUILD_SOURCEVERSION"), Actor: first("BUILD_REQUESTEDFOR", "BUILD_QUEUEDBY"),
			Run: joined(strings.TrimSuffix(first("SYSTEM_COLLECTIONURI", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"), "/"), "/",
				url.PathEscape(get("SYSTEM_TEAMPROJECT")), "/_build/results?buildId=", get("BUILD_BUILDID"))}
	case getenv("JENKINS_URL") != "":
		c = certificate.CI{Service: "Jenkins", Repository: get("GIT_URL"), Commit: get("GIT_COMMIT"), Run: get("BUILD_URL"),
			Actor: first("BUILD_USER_ID", "CHANGE_AUTHOR")}
	default:
		return nil
	}
	c.Repository, c.Run = harmless(c.Repository), harmless(c.Run)
	return &c
}

// clean bounds a text, and leaves out what is no character to be read.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	for len(text) > longest {
		runes := []rune(text)
		text = string(runes[:len(runes)-1-(len(text)-longest)/4])
	}
	return text
}

// harmless is an address without what may be a secret in it: a user, a password, a query that
// has a token.
func harmless(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		if user, rest, ok := strings.Cut(address, "@"); ok && strings.Contains(user, ":") {
			return rest
		}
		return address
	}
	u.User = nil
	if q := u.Query(); len(q) > 0 {
		kept := url.Values{}
		if id := q.Get("buildId"); id != "" {
			kept.Set("buildId", id)
		}
		u.RawQuery = kept.Encode()
	}
	return u.String()
}
