package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/regions"
)

const base = `version: 1
providers:
  cloud:
    type: s3
    regions:
      us-east-1: {endpoint: http://127.0.0.1:9101}
      gra: {endpoint: https://s3.gra.example.net, country: FR}
`

func load(t testing.TB) *regions.Catalog {
	t.Helper()
	catalog, err := regions.Load()
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

func TestParseFaults(t *testing.T) {
	catalog := load(t)
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", "f.yaml:1:1: the file is empty"},
		{"not yaml", "version: 1\nproviders: {a: [\n", "f.yaml:2:"},
		{"unknown key", base + "polcy: {}\n", "f.yaml:8:1: unknown field"},
		{"unknown nested key", "version: 1\nproviders:\n  a:\n    type: aws\n    regoins: []\n", "f.yaml:5:5: unknown field"},
		{"unknown key in a region", "version: 1\nproviders:\n  a:\n    type: s3\n    regions:\n      x: {endpont: " +
			"http://a}\n", "f.yaml:6:"},
		{"version", "version: 2\nproviders: {aws: {type: aws}}\n", "f.yaml:1:10: version is 2"},
		{"no version", "providers: {aws: {type: aws}}\n", "version is 0"},
		{"no type", "version: 1\nproviders:\n  a:\n    profile: x\n", "f.yaml:4:5: provider a: type is missing"},
		{"bad type", "version: 1\nproviders:\n  a: {type: tape}\n", "f.yaml:3:13: provider a: type \"tape\""},
		{"s3 without regions", "version: 1\nproviders:\n  a: {type: s3}\n", "needs its regions"},
		{"no endpoint", "version: 1\nproviders:\n  a:\n    type: s3\n    regions: [x]\n", "endpoint is missing"},
		{"bad endpoint", "version: 1\nproviders:\n  a:\n    type: s3\n    regions:\n      x: {endpoint: ftp://a}\n",
			"f.yaml:6:21: endpoint"},
		{"credentials in an endpoint", "version: 1\nproviders:\n  a:\n    type: s3\n    endpoint: http://me:secret@host\n " +
			"   regions: [x]\n", "without credentials"},
		{"country", "version: 1\nproviders:\n  a:\n    type: s3\n    regions:\n      x: {endpoint: http://a, country: " +
			"France}\n", "f.yaml:6:40: provider a, region x: country"},
		{"no country", "version: 1\nproviders:\n  a:\n    type: s3\n    regions:\n      gra: {endpoint: https://a}\n",
			"f.yaml:6:12: provider a: country not known: no catalog says where a:gra is; give its country"},
		{"contradicted country", "version: 1\nproviders:\n  a:\n    type: aws\n    regions:\n      us-east-1: {country: " +
			"IE}\n", "the configuration puts a:us-east-1 in IE, the catalog in US"},
		{"policy", base + "policy:\n  allowed: [EU, ATLANTIS]\n", "f.yaml:9:17: unknown jurisdiction"},
		{"customer's policy", base + "customers:\n  acme:\n    allowed: [ATLANTIS]\n    data: [\"cloud:acme-prod\"]\n",
			"f.yaml:10:15: unknown jurisdiction"},
		{"customer without data", base + "customers:\n  acme: {data: []}\n", "customer acme has no data"},
		{"malformed location", base + "customers:\n  acme:\n    data:\n      - cloud\n",
			"f.yaml:11:9: customer acme: location"},
		{"unknown provider", base + "customers:\n  acme:\n    data:\n      - clod:acme-prod\n",
			"f.yaml:11:9: customer acme: location \"clod:acme-prod\": no provider"},
		{"overlap", base + "customers:\n  acme:\n    data: [\"cloud:shared/a/\"]\n  globex:\n    data: " +
			"[\"cloud:shared/a/b/\"]\n", "f.yaml:12:12: location \"cloud:shared/a/b/\" of globex overlaps " +
			"\"cloud:shared/a/\" of acme (line 10, column 12)"},
		{"overlap with itself", base + "customers:\n  acme:\n    data: [\"cloud:shared\", \"cloud:shared/x\"]\n", "overlaps"},
		{"overlap under two names", twice("http://localhost:9101/") +
			"customers:\n  acme:\n    data: [\"cloud:shared\"]\n  globex:\n    data: [\"other:shared/g/\"]\n",
			"f.yaml:17:12: location \"other:shared/g/\" of globex overlaps \"cloud:shared\" of acme (line 15, column 12); " +
				"cloud and other both reach http://localhost:9101"},
		{"overlap with itself under two names", twice("http://[::1]:9101") +
			"customers:\n  acme:\n    data: [\"cloud:shared\", \"other:shared\"]\n",
			"f.yaml:15:28: location \"other:shared\" of acme overlaps \"cloud:shared\" of acme"},
		{"overlap on Amazon", "version: 1\nproviders:\n  one: {type: aws, profile: a}\n  two: {type: aws, profile: b, " +
			"account: \"000000000001\"}\n  three: {type: aws, regions: {eu-west-1: {endpoint: " +
			"\"https://s3.eu-west-1.amazonaws.com\"}}}\ncustomers:\n  acme:\n    data: [\"one:shared/a\"]\n  globex:\n    " +
			"data: [\"two:other\", \"three:shared\"]\n",
			"f.yaml:10:25: location \"three:shared\" of globex overlaps \"one:shared/a\" of acme (line 8, column 12); one " +
				"and three both reach Amazon S3, partition aws"},
		{"a bucket that S3 does not take", base + "customers:\n  acme:\n    data: [\"cloud:a_b\"]\n",
			"f.yaml:10:12: customer acme: location \"cloud:a_b\": bucket"},
		{"neither subscription nor account", "version: 1\nproviders:\n  blob: {type: azure}\n",
			"f.yaml:3:9: provider blob: type azure needs its subscription"},
		{"no subscription's ID", "version: 1\nproviders:\n  blob: {type: azure, subscription: prod}\n",
			"f.yaml:3:37: provider blob: subscription \"prod\""},
		{"a profile of Azure", "version: 1\nproviders:\n  blob: {type: azure, profile: p, regions: {westeurope: {accounts: [acme]}}}\n",
			"f.yaml:3:32: provider blob: profile means nothing to type azure; it is for type aws, s3"},
		{"a payer of no name", "version: 1\nproviders:\n  g: {type: gcs, requester_pays: project}\n",
			"f.yaml:3:34: provider g: requester_pays \"project\""},
		{"another payer", "version: 1\nproviders:\n  g: {type: gcs, project: p, requester_pays: me}\n",
			"f.yaml:3:46: provider g: requester_pays \"me\""},
		{"a project of Amazon", "version: 1\nproviders:\n  a: {type: aws, project: p}\n",
			"f.yaml:3:27: provider a: project means nothing to type aws; it is for type gcs"},
		{"no container", "version: 1\nproviders:\n  blob: {type: azure, regions: {westeurope: {accounts: [acme]}}}\ncustomers:\n" +
			"  acme:\n    data: [\"blob:acme\"]\n", "f.yaml:6:12: customer acme: location \"blob:acme\": bucket \"acme\": a bucket on " +
			"Azure is account.container"},
		{"a region of no cloud", "version: 1\nproviders:\n  g: {type: gcs, regions: [eu-west-1]}\n", "f.yaml:3:"},
		{"an account nowhere", base + "destination:\n  accounts: {eu-west-1: acme}\n",
			"f.yaml:9:13: destination accounts: \"eu-west-1\" is no region of Azure"},
		{"Google by its S3", "version: 1\nproviders:\n  g:\n    type: s3\n    regions:\n      eu: {endpoint: " +
			"\"https://storage.googleapis.com\", country: IE}\n", "is Google's: use type: gcs"},
		{"template", base + "destination:\n  bucket: \"{bukket}-x\"\n", "f.yaml:9:11: destination bucket"},
		{"template without name", base + "destination:\n  bucket: \"all-{region}\"\n", "would end up in one bucket"},
		{"storage class", base + "destination:\n  storage_class: GLACIER\n",
			"f.yaml:9:18: storage_class \"GLACIER\": \"any\" leaves it to the destination"},
		{"encryption", base + "destination:\n  encryption: aes\n",
			"f.yaml:9:15: encryption \"aes\": want AES256, aws:kms or bucket-default"},
		{"empty policy", base + "policy:\n  allowed: []\n", "f.yaml:9:3: allowed is empty"},
		{"policy of an unset variable", base + "policy:\n  allowed:\n", "f.yaml:9:3: allowed is empty"},
		{"no policy in it", base + "policy:\n", "f.yaml:8:1: policy is empty"},
		{"a policy in braces", base + "policy: {}\n", "f.yaml:8:1: policy is empty"},
		{"a policy of nothing", base + "policy:\n  allowed: [\"\"]\n", "f.yaml:9:13: unknown jurisdiction"},
		{"a customer's empty policy", base + "customers:\n  acme:\n    allowed: []\n    data: [\"cloud:bbb\"]\n",
			"f.yaml:10:5: allowed is empty"},
		{"empty account", "version: 1\nproviders:\n  a:\n    type: aws\n    account: \"\"\n", "f.yaml:5:5: account is empty"},
		{"empty regions", "version: 1\nproviders:\n  a:\n    type: aws\n    regions: []\n", "f.yaml:5:5: regions is empty"},
		{"empty anchor", base + "policy:\n  allowed: &none []\n", "f.yaml:9:3: allowed is empty"},
		{"a map of no location", base + "destination:\n  map: {acme: acme-eu}\n", "f.yaml:9:8: destination map: location"},
		{"a map of nobody's", base + "destination:\n  map: {\"clod:acme\": acme-eu}\n", "no provider is called \"clod\""},
		{"a map to no bucket", base + "destination:\n  map: {\"cloud:acme\": Acme_EU}\n",
			"f.yaml:9:8: destination map: cloud:acme: bucket"},
		{"an unknown kind that is not used", "version: 1\nproviders:\n  a: {type: aws, not_used: [cupboards]}\n",
			"f.yaml:3:29: provider a: not_used \"cupboards\""},
		{"what S3 services do not have", base + "    not_used: [table buckets]\n", "provider cloud: not_used"},
		{"one address in two countries", strings.Replace(twice("http://[::1]:9101/x"), "US", "IE", 1),
			"f.yaml:12:24: endpoint \"http://[::1]:9101/x\" of other:here (IE) is the address of cloud:us-east-1 (US; line 6, " +
				"column 29)"},
		{"one address for regions in two countries", "version: 1\nproviders:\n  a:\n    type: s3\n    endpoint: " +
			"https://s3.example.net\n    regions: [eu-west-1, us-east-1]\n",
			"f.yaml:5:15: endpoint \"https://s3.example.net\" of a:us-east-1 (US) is the address of a:eu-west-1 (IE; line 5"},
		{"an emulator's address in another country", "version: 1\nproviders:\n  a: {type: aws, endpoint: " +
			"\"http://localhost:5000\", regions: [eu-west-1, us-east-1]}\n  b:\n    type: s3\n    regions:\n      x: " +
			"{endpoint: \"http://127.0.0.1:5000\", country: IE}\n", "f.yaml:7:21: endpoint \"http://127.0.0.1:5000\" of " +
			"b:x (IE) is the address of a:us-east-1 (US; line 3"},
		{"duplicate key", base + "policy: {}\npolicy: {}\n", "f.yaml:9:1:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(catalog, "f.yaml", []byte(tt.in))
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse = %v\nwant an *Error with %q", err, tt.want)
			}
		})
	}
}

// twice has a second provider, with another region's name.
func twice(endpoint string) string {
	return base + "  other:\n    type: s3\n    profile: other\n    regions:\n      here: {endpoint: \"" + endpoint +
		"\", country: US}\n"
}

// Providers that are not known to be one service keep a bucket's name apart.
func TestParseApart(t *testing.T) {
	catalog := load(t)
	for _, in := range []string{
		twice("http://localhost:9102") + "customers:\n  acme:\n    data: [\"cloud:shared\"]\n  globex:\n    data: " +
			"[\"other:shared/g/\"]\n",
		twice("http://localhost:9101") + "customers:\n  acme:\n    data: [\"cloud:shared/a/\"]\n  globex:\n    data: " +
			"[\"other:shared/g/\"]\n",
		"version: 1\nproviders:\n  one: {type: aws}\n  two: {type: aws, regions: [cn-north-1]}\ncustomers:\n  acme:\n    " +
			"data: [\"one:shared\"]\n  globex:\n    data: [\"two:shared\"]\n",
		// Two regions in one country, and an emulator, which has a region for each bucket.
		base + "      us-west-2: {endpoint: \"http://localhost:9101\"}\n",
		"version: 1\nproviders:\n  a: {type: aws, endpoint: \"http://localhost:5000\", regions: [eu-west-1, us-east-1]}\n" +
			"  b: {type: aws, endpoint: \"http://127.0.0.1:5000\", regions: [eu-west-3]}\n",
	} {
		if _, err := Parse(catalog, "f.yaml", []byte(in)); err != nil {
			t.Errorf("Parse: %v, want none for\n%s", err, in)
		}
	}
}

func TestParse(t *testing.T) {
	catalog := load(t)
	c, err := Parse(catalog, "f.yaml", []byte(base+
		"customers:\n  acme:\n    data: [\"cloud:acme-prod\", \"cloud:shared/t/acme/\"]\n  acme2:\n    data: "+
		"[\"cloud:shared/t/acme2/\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.State != DefaultState || c.Discovery.BucketTag != DefaultTag {
		t.Errorf("defaults: state %q, tag %q", c.State, c.Discovery.BucketTag)
	}
	if n := len(c.Claims()); n != 3 {
		t.Errorf("%d claims, want 3", n)
	}
}

// A region needs no settings of its own.
func TestRegionWithoutSettings(t *testing.T) {
	for _, in := range []string{"{eu-west-1: {}, eu-west-3: }", "\n      eu-west-1:\n      eu-west-3: {}",
		"\n      'eu-west-1':"} {
		if _, err := Parse(load(t), "f.yaml", []byte("version: 1\nproviders:\n  aws:\n    type: aws\n    regions: "+in+
			"\n")); err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// The file that is named is the file in force, or nothing is.
func TestLoadOrder(t *testing.T) {
	write := func(name, allowed string) {
		if err := os.WriteFile(name, []byte(base+"policy: {allowed: ["+allowed+"]}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(t.TempDir())
	catalog := load(t)
	in := func(path, env string) string {
		t.Helper()
		c, err := Load(catalog, path, func(string) string { return env },
			strings.NewReader(base+"policy: {allowed: [FR]}\n"))
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(filepath.Base(c.Path), c.Policy.Allowed)
	}
	for _, tt := range []struct{ name, path, env, want string }{
		{"nothing", "", "", "built in[]"},
		{"a flag for nothing", "no.yaml", "", "read the configuration: open no.yaml: no such file or directory"},
		{"a variable for nothing", "", "no.yaml", "read the configuration: open no.yaml: no such file or directory"},
	} {
		if got := in(tt.path, tt.env); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	write("residency.yaml", "EU")
	write("org.yaml", "CH")
	write("own.yaml", "DE")
	if err := os.Symlink("away.yaml", "dangling.yaml"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, path, env, want string }{
		{"here", "", "", "residency.yaml[EU]"},
		{"the variable before here", "", "org.yaml", "org.yaml[CH]"},
		{"the flag before all", "own.yaml", "org.yaml", "own.yaml[DE]"},
		{"standard input", "-", "org.yaml", "standard input[FR]"},
		{"standard input by the variable", "", "-", "standard input[FR]"},
		{"a variable for a dangling link", "", "dangling.yaml",
			"read the configuration: open dangling.yaml: no such file or directory"},
		{"a directory", ".", "", "read the configuration: read .: is a directory"},
	} {
		if got := in(tt.path, tt.env); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if err := os.Rename("dangling.yaml", "residency.yaml"); err != nil {
		t.Fatal(err)
	}
	if got, want := in("", ""), "read the configuration: open residency.yaml: no such file or directory"; got != want {
		t.Errorf("a dangling link here: %s, want %s", got, want)
	}
}

// What a destination is called: by the mapping, or by the template, and never by the
// template twice.
func TestBucketName(t *testing.T) {
	catalog := load(t)
	for _, tt := range []struct{ template, bucket, from, want string }{
		{"", "acme-prod", "us-east-1", "acme-prod-gra"},
		{"", "acme-prod-us-east-1", "us-east-1", "acme-prod-gra"},
		{"", "acme-prod-eu-west-1", "us-east-1", "acme-prod-eu-west-1-gra"},
		{"", "us-east-1", "us-east-1", "us-east-1-gra"},
		{"", "mapped", "us-east-1", "acme-eu"},
		{"", "mapped/t/", "us-east-1", "mapped-gra"},
		{"", "shared/t/", "us-east-1", "tenant"},
		{"{region}.{bucket}.x", "us-east-1.one.x", "us-east-1", "gra.one.x"},
		{"{bucket}-{source_region}-{region}", "one-us-east-1", "us-east-1", "one-us-east-1-us-east-1-gra"},
		{"{customer}-data", "one", "us-east-1", "acme-data"},
		{"{bucket}-moved", "one-moved", "us-east-1", "one-moved-moved"},
	} {
		text := base + "destination:\n  map: {\"cloud:mapped\": acme-eu, \"cloud:shared/t/\": tenant}\n"
		if tt.template != "" {
			text += "  bucket: \"" + tt.template + "\"\n"
		}
		c, err := Parse(catalog, "f.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		at, err := objectstore.ParseLocation("cloud:" + tt.bucket)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.BucketName(at, "gra", "acme", tt.from); got != tt.want {
			t.Errorf("BucketName of %s from %s by %q = %s, want %s", tt.bucket, tt.from, tt.template, got, tt.want)
		}
	}
}

func TestRegionsAsList(t *testing.T) {
	catalog := load(t)
	c, err := Parse(catalog, "f.yaml", []byte("version: 1\nproviders:\n  aws:\n    type: aws\n    regions: [us-east-1, "+
		"eu-west-1]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.Providers["aws"].Regions); n != 2 {
		t.Errorf("%d regions, want 2", n)
	}
}

func FuzzParse(f *testing.F) {
	catalog := load(f)
	f.Add([]byte(base))
	f.Add([]byte("version: 1\nproviders: {aws: {type: aws, regions: [a, b]}}\ncustomers: {x: {data: ['aws:bbb/p']}}\n"))
	f.Add([]byte("\ufeffversion: 1\nproviders:\n  a: &a {type: aws, account: 012345670123}\n  b:\n    <<: [*a, {profile: p}]\n" +
		"    profile: 1e3\n---\n"))
	f.Add([]byte("\xff\xfev\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(catalog, "f.yaml", data)
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Line < 1 || e.Column < 1) {
			t.Errorf("error without a place: %v", err)
		}
		if err == nil && len(c.Providers) == 0 {
			t.Error("accepted a configuration without providers")
		}
	})
}

// A container of Azure's lies in an account, which no other service knows.
func TestBucketNameOfAzure(t *testing.T) {
	c, err := Parse(load(t), "f.yaml", []byte("version: 1\nproviders:\n  aws: {type: aws}\n  blob: {type: azure, regions: "+
		"{eastus: {accounts: [acmeus]}}}\ndestination:\n  accounts: {northeurope: acmene}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ at, region, from, want string }{
		{"blob:acmeus.docs", "northeurope", "eastus", "acmene.docs-northeurope"},
		{"blob:acmeus.$web", "northeurope", "eastus", "acmene.web-northeurope"},
		{"blob:acmeus.docs", "eu-west-1", "eastus", "acmeus-docs-eu-west-1"},
		{"blob:acmeus.$web", "eu-west-1", "eastus", "acmeus-web-eu-west-1"},
		{"aws:acme.prod", "northeurope", "us-east-1", "acmene.acme-prod-northeurope"},
	} {
		at, err := objectstore.ParseLocation(tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.BucketName(at, tt.region, "acme", tt.from); got != tt.want {
			t.Errorf("%s in %s: %s, want %s", tt.at, tt.region, got, tt.want)
		}
	}
}
