package actor_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/cmd/internal/actor"
	"github.com/residency/residency/migrate/certificate"
)

func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// What services set, by their documentation, and what is made of it.
func TestJob(t *testing.T) {
	for name, c := range map[string]struct {
		vars map[string]string
		want *certificate.CI
	}{
		"no service": {map[string]string{"CI": "true", "GITHUB_REPOSITORY": "x/y"}, nil},
		"GitHub": {map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com",
			"GITHUB_REPOSITORY": "acme/infra", "GITHUB_SHA": "abc", "GITHUB_RUN_ID": "17", "GITHUB_ACTOR": "ada",
			"GITHUB_TRIGGERING_ACTOR": "bob"},
			&certificate.CI{Service: "GitHub Actions", Repository: "https://github.com/acme/infra", Commit: "abc",
				Run: "https://github.com/acme/infra/actions/runs/17", Actor: "bob"}},
		"GitHub without a run": {map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "ada"},
			&certificate.CI{Service: "GitHub Actions", Actor: "ada"}},
		"GitLab": {map[string]string{"GITLAB_CI": "true", "CI_PROJECT_URL": "https://gitlab.example/acme/infra",
			"CI_COMMIT_SHA": "abc", "CI_JOB_URL": "https://gitlab.example/acme/infra/-/jobs/5", "GITLAB_USER_LOGIN": "ada"},
			&certificate.CI{Service: "GitLab CI", Repository: "https://gitlab.example/acme/infra", Commit: "abc",
				Run: "https://gitlab.example/acme/infra/-/jobs/5", Actor: "ada"}},
		"Buildkite, with a password": {map[string]string{"BUILDKITE": "true",
			"BUILDKITE_REPO": "https://ada:secret@git.example/acme.git?token=secret", "BUILDKITE_COMMIT": "abc",
			"BUILDKITE_BUILD_URL": "https://buildkite.com/acme/infra/builds/9", "BUILDKITE_JOB_ID": "j",
			"BUILDKITE_BUILD_CREATOR": "Ada", "BUILDKITE_UNBLOCKER": "Bob"},
			&certificate.CI{Service: "Buildkite", Repository: "https://git.example/acme.git", Commit: "abc",
				Run: "https://buildkite.com/acme/infra/builds/9#j", Actor: "Ada", Approver: "Bob"}},
		"Azure": {map[string]string{"TF_BUILD": "True", "BUILD_REPOSITORY_URI": "https://acme@dev.azure.com/acme/p/_git/r",
			"BUILD_SOURCEVERSION": "abc", "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/",
			"SYSTEM_TEAMPROJECT": "our data", "BUILD_BUILDID": "3", "BUILD_REQUESTEDFOR": "Ada"},
			&certificate.CI{Service: "Azure DevOps", Repository: "https://dev.azure.com/acme/p/_git/r", Commit: "abc",
				Run: "https://dev.azure.com/acme/our%20data/_build/results?buildId=3", Actor: "Ada"}},
		"Jenkins": {map[string]string{"JENKINS_URL": "https://ci.example/", "GIT_URL": "git@git.example:acme/infra.git",
			"GIT_COMMIT": "abc", "BUILD_URL": "https://ci.example/job/move/4/", "BUILD_USER_ID": "ada"},
			&certificate.CI{Service: "Jenkins", Repository: "git@git.example:acme/infra.git", Commit: "abc",
				Run: "https://ci.example/job/move/4/", Actor: "ada"}},
		"hostile": {map[string]string{"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "a\x1b[2J\nb\xff" + strings.Repeat("ä", 500)},
			&certificate.CI{Service: "GitLab CI", Actor: "a[2Jb" + strings.Repeat("ä", 147)}},
	} {
		got := actor.Job(env(c.vars))
		if name == "hostile" && len(got.Actor) <= 300 {
			got.Actor = c.want.Actor // as long as it may be
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestHere(t *testing.T) {
	a := actor.Here(env(nil), "1.2", "DE")
	host, _ := os.Hostname()
	if a.Host != host || a.Country != "DE" || a.Basis != certificate.Declared || len(a.Program.SHA256) != 64 ||
		a.Program.Version != "1.2" || a.CI != nil {
		t.Errorf("%+v", a)
	}
	if a := actor.Here(env(nil), "1.2", ""); a.Country != "" || a.Basis != certificate.NotDetermined {
		t.Errorf("%+v", a)
	}
}
