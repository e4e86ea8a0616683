package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

type azureKey struct{}

const azureUsage = `azure start NAME=LOCATION[,TRAIT]…: run a stand-in for Azure with these accounts at $AZURE in subscription $SUBSCRIPTION, and
    a managed identity for it. Traits are versions, kept, folders, secondary=LOCATION, to=NAME (replicates there), hold (is under one)
    and expires (deletes old blobs)
azure account NAME [TRAIT]…: have it replicate, hold and delete as these say, and not otherwise
azure later NAME [TRAIT]…: the same, as soon as an object of a customer is written
azure container BUCKET [NAME=VALUE]: make a container, whose metadata is that
azure put BUCKET KEY TEXT [NAME=VALUE]: write an object, whose metadata is that
azure blocks BUCKET KEY TEXT [MD5]: write an object in blocks, which says that its Content-MD5 is that, or nothing
azure close ACCOUNT on|off: have its network rules keep the services of other accounts out
azure passed: print how many bytes of objects were read and written since the last time, and how many copies were asked for
azure delete BUCKET KEY: delete the current version
azure kind BUCKET KEY KIND: have the current version be a PageBlob or an AppendBlob
azure versions ACCOUNT [off]: have it keep versions from now on, or no longer
azure snapshot BUCKET KEY: make a snapshot of the current version
azure halfway on|off: refuse what deletes versions of objects
azure unread [PATH]: have Resource Manager answer by HTTP 409 where a path ends so; without one, no more
azure ls BUCKET: print what there is, newest first: key, what it is, its bytes`

// bearer gives everybody the token of the stand-in.
type bearer string

func (b bearer) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(b), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// azureCommand starts a stand-in for Azure, and works with it.
func azureCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: %s", azureUsage)
	}
	running := ts.Value(azureKey{}).(**azure.Server)
	if args[0] == "start" {
		*running = startAzure(ts, args[1:])
		return
	}
	server := *running
	if server == nil {
		ts.Fatalf("azure: not started")
	}
	provider, err := azurestore.Open(context.Background(), azurestore.Options{Name: "blob", Endpoint: server.URL,
		ARMEndpoint: server.URL, Subscription: server.Subscription(), Credential: bearer(server.Token())})
	ts.Check(err)
	ctx, store, out := context.Background(), provider.Region(""), ts.Stdout()
	pairs := make(map[string]string)
	for _, word := range args[min(len(args), 2):] {
		if name, value, ok := strings.Cut(word, "="); ok {
			pairs[name] = value
		}
	}
	switch rest := args[1:]; {
	case args[0] == "container" && len(rest) >= 1:
		account, container, _ := strings.Cut(rest[0], ".")
		server.Container(account, container)
		var tags []objectstore.Tag
		for name, value := range pairs {
			tags = append(tags, objectstore.Tag{Key: name, Value: value})
		}
		ts.Check(store.SetBucketTags(ctx, rest[0], tags))
	case args[0] == "put" && len(rest) >= 3:
		_, err := store.Put(ctx, objectstore.NewObject{Bucket: rest[0], Key: rest[1], Attributes: objectstore.Attributes{
			ContentType: "text/plain", Metadata: pairs}}, objectstore.Body{Reader: strings.NewReader(rest[2]), Size: int64(len(rest[2]))})
		ts.Check(err)
	case args[0] == "blocks" && len(rest) >= 3:
		inBlocks(ts, store, rest[0], rest[1], rest[2])
		if len(rest) == 4 {
			account, container, _ := strings.Cut(rest[0], ".")
			server.Claim(account, container, rest[1], rest[3])
		}
	case args[0] == "close" && len(rest) == 2:
		server.Close(rest[0], rest[1] == "on")
	case args[0] == "passed" && len(rest) == 0:
		fmt.Fprintln(out, passed(server))
	case args[0] == "delete" && len(rest) == 2:
		_, err := store.PutMarker(ctx, rest[0], rest[1])
		ts.Check(err)
	case args[0] == "kind" && len(rest) == 3:
		account, container, _ := strings.Cut(rest[0], ".")
		server.Change(account, container, rest[1], azure.Change{Kind: rest[2]})
	case args[0] == "account" && len(rest) >= 1:
		server.Alter(rest[0], func(a *azure.Account) { doesByItself(a, rest[1:]) })
	case args[0] == "later" && len(rest) >= 1:
		server.Fail(func(r azure.Request) (f azure.Fault) {
			if strings.HasPrefix(r.Op, "Put Blob") && !strings.Contains(r.Name, ".residency-") {
				f.Alters = func(account func(string) *azure.Account) { doesByItself(account(rest[0]), rest[1:]) }
			}
			return f
		})
	case args[0] == "versions" && len(rest) >= 1:
		server.SetVersioning(rest[0], len(rest) == 1)
	case args[0] == "snapshot" && len(rest) == 2:
		account, container, _ := strings.Cut(rest[0], ".")
		server.Snapshot(account, container, rest[1])
	case args[0] == "halfway" && len(rest) == 1:
		server.Fail(halfway(rest[0] == "on"))
	case args[0] == "unread" && len(rest) <= 1:
		server.Fail(func(r azure.Request) (f azure.Fault) {
			if len(rest) == 1 && strings.HasSuffix(r.Op, "manager") && strings.HasSuffix(r.Name, rest[0]) {
				f = azure.Fault{Status: http.StatusConflict, Code: "Conflict"}
			}
			return f
		})
	case args[0] == "ls" && len(rest) == 1:
		for v, err := range store.Versions(ctx, rest[0], "", "") {
			ts.Check(err)
			fmt.Fprintf(out, "%s %s %d\n", v.Key, whatIs(v), v.Size)
		}
	default:
		ts.Fatalf("usage: %s", azureUsage)
	}
}

// inBlocks writes an object in one block, which has no MD5.
func inBlocks(ts *testscript.TestScript, store objectstore.Store, bucket, key, text string) {
	ctx, o := context.Background(), objectstore.NewObject{Bucket: bucket, Key: key}
	id, err := store.CreateUpload(ctx, o)
	ts.Check(err)
	part, err := store.UploadPart(ctx, bucket, key, id, 1, objectstore.Body{Reader: strings.NewReader(text),
		Size: int64(len(text))})
	ts.Check(err)
	_, err = store.CompleteUpload(ctx, o, id, []objectstore.Part{part}, objectstore.Checksum{})
	ts.Check(err)
}

// passed counts bytes of objects, without what a run writes for itself.
func passed(server *azure.Server) string {
	read, written, copies := 0, 0, 0
	for _, r := range server.Requests() {
		switch {
		case strings.Contains(r.Name, ".residency-"):
		case r.Op == "Get Blob":
			read += r.Sent
		case r.Op == "Put Blob" || r.Op == "Put Block":
			written += r.Received
		case r.Op == "Put Blob From URL":
			copies++
		}
	}
	return fmt.Sprintf("read %d, written %d, copies %d", read, written, copies)
}

// halfway refuses the second request of a deletion, but for what a run writes for itself.
func halfway(on bool) func(azure.Request) azure.Fault {
	return func(r azure.Request) azure.Fault {
		if on && r.Op == "Delete Blob" && strings.Contains(r.Query, "versionid") && !strings.Contains(r.Name, ".residency-") {
			return azure.Fault{Status: http.StatusForbidden, Code: "AuthorizationPermissionMismatch"}
		}
		return azure.Fault{}
	}
}

// doesByItself is what an account does with what is in it.
func doesByItself(a *azure.Account, traits []string) {
	a.ReplicateTo, a.Lifecycle, a.LegalHold = "", nil, false
	for _, trait := range traits {
		if account, ok := strings.CutPrefix(trait, "to="); ok {
			a.ReplicateTo = account
		}
		a.LegalHold = a.LegalHold || trait == "hold"
		if trait == "expires" {
			a.Lifecycle = []json.RawMessage{json.RawMessage(`{"name":"old","type":"Lifecycle","enabled":true,"definition":` +
				`{"actions":{"baseBlob":{"delete":{"daysAfterModificationGreaterThan":30}}},` +
				`"filters":{"blobTypes":["blockBlob"]}}}`)}
		}
	}
}

func startAzure(ts *testscript.TestScript, words []string) *azure.Server {
	var o azure.Options
	for _, word := range words {
		name, text, _ := strings.Cut(word, "=")
		location, traits, _ := strings.Cut(text, ",")
		a := azure.Account{Name: name, Location: location}
		for trait := range strings.SplitSeq(traits, ",") {
			if secondary, ok := strings.CutPrefix(trait, "secondary="); ok {
				a.Secondary, a.SKU = secondary, "Standard_GRS"
			}
			a.Versioning = a.Versioning || trait == "versions"
			a.HNS = a.HNS || trait == "folders"
			if trait == "kept" {
				a.SoftDelete = 7
			}
		}
		doesByItself(&a, strings.Split(traits, ","))
		o.Accounts = append(o.Accounts, a)
	}
	s := azure.New(o)
	server := httptest.NewServer(s)
	ts.Defer(server.Close)
	s.URL = server.URL
	ts.Setenv("AZURE", server.URL)
	ts.Setenv("SUBSCRIPTION", s.Subscription())
	const secret = "identity"
	identity := httptest.NewServer(s.Identity(secret))
	ts.Defer(identity.Close)
	ts.Setenv("IDENTITY_ENDPOINT", identity.URL)
	ts.Setenv("IDENTITY_HEADER", secret)
	return s
}
