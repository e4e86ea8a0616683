package azurestore_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

// tellingMD5 answers writes with the MD5 of what came and not with its CRC64, as Azurite does.
type tellingMD5 struct {
	*azure.Server

	mu   sync.Mutex
	sent http.Header                    // of the last write
	tell func(received []byte) []string // the values of Content-MD5; nil: the MD5
}

func (s *tellingMD5) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut || r.Header.Get("x-ms-blob-type") == "" {
		s.Server.ServeHTTP(w, r)
		return
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	answer := httptest.NewRecorder()
	s.Server.ServeHTTP(answer, r)
	maps.Copy(w.Header(), answer.Header())
	w.Header().Del("x-ms-content-crc64")
	w.Header().Del("Content-MD5")
	s.mu.Lock()
	s.sent = r.Header.Clone()
	if s.tell != nil {
		for _, value := range s.tell(data) {
			w.Header().Set("Content-MD5", value)
		}
	} else {
		w.Header().Set("Content-MD5", base64.StdEncoding.EncodeToString(sumMD5(data)))
	}
	s.mu.Unlock()
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func sumMD5(data []byte) []byte {
	sum := md5.Sum(data)
	return sum[:]
}

func startTelling(t *testing.T) (*tellingMD5, objectstore.Store) {
	t.Helper()
	s := &tellingMD5{Server: azure.New(azure.Options{Token: bearer, Accounts: []azure.Account{{Name: plain}}})}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	s.Container(plain, "records")
	return s, open(t, azurestore.Options{Endpoint: server.URL, ARMEndpoint: server.URL,
		Subscription: s.Subscription()}).Region("westeurope")
}

// TestReceivedMD5: where a service tells the MD5 of what it received, and not the CRC64, that is what it is
// sent from then on and what is known of the bytes.
func TestReceivedMD5(t *testing.T) {
	server, s := startTelling(t)
	told := func() bool { return objectstore.CapabilitiesOf(s).TellsMD5 }
	if told() {
		t.Error("known before it was seen")
	}
	for i, text := range []string{"first", "second", "third"} {
		b := body(text)
		if i == 2 {
			b.MD5 = hex.EncodeToString(sumMD5([]byte(text))) // known before
		}
		w, err := s.Put(t.Context(), objectstore.NewObject{Bucket: plain + records, Key: text}, b)
		want := objectstore.Checksum{Algorithm: objectstore.MD5, Value: hex.EncodeToString(sumMD5([]byte(text)))}
		if err != nil || w.Sum != want || w.Checksum != (objectstore.Checksum{}) {
			t.Errorf("%s: %+v, %v", text, w, err)
		}
		if !told() {
			t.Error("seen, and not known")
		}
		md5, crc := server.sent.Get("Content-MD5") != "", server.sent.Get("x-ms-content-crc64") != ""
		if md5 != (i > 0) || md5 == crc {
			t.Errorf("%s was sent under %v", text, server.sent)
		}
	}
	b := body("fourth")
	b.MD5 = hex.EncodeToString(sumMD5([]byte("another")))
	_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: plain + records, Key: "fourth"}, b)
	if !errors.Is(err, objectstore.ErrCorrupt) {
		t.Errorf("a wrong MD5: %v", err)
	}
	b = body("fourth")
	b.Checksum = objectstore.Checksum{Algorithm: "CRC64NVME", Value: "AAAAAAAAAAA="}
	if _, err := s.Put(t.Context(), objectstore.NewObject{Bucket: plain + records, Key: "fourth"}, b); !errors.Is(err,
		objectstore.ErrCorrupt) {
		t.Errorf("a wrong CRC-64: %v", err)
	}
	server.tell = func([]byte) []string { return []string{base64.StdEncoding.EncodeToString(sumMD5(nil))} }
	_, err = s.Put(t.Context(), objectstore.NewObject{Bucket: plain + records, Key: "fifth"}, body("fifth"))
	if !errors.Is(err, objectstore.ErrCorrupt) {
		t.Errorf("the MD5 of other bytes: %v", err)
	}
	w, err := s.Put(t.Context(), objectstore.NewObject{Bucket: plain + records, Key: "sixth"},
		objectstore.Body{Reader: io.LimitReader(bytes.NewReader([]byte("sixth")), 5), Size: 5})
	if err != nil || server.sent.Get("Content-MD5") != "" || w.Sum.Value != hex.EncodeToString(sumMD5(nil)) {
		t.Errorf("bytes that are not in memory: %+v, %v, sent %v", w, err, server.sent)
	}
}

// TestNoMD5 is what is no MD5, of which nothing is learnt.
func TestNoMD5(t *testing.T) {
	server, s := startTelling(t)
	for i, said := range [][]string{nil, {""}, {"?"}, {"c2hvcnQ="}, nil} {
		server.tell = func([]byte) []string { return said }
		w, err := s.Put(t.Context(), objectstore.NewObject{Bucket: plain + records, Key: fmt.Sprint(i)}, body("text"))
		if err != nil || w.Sum != (objectstore.Checksum{}) || server.sent.Get("x-ms-content-crc64") == "" {
			t.Errorf("%q: %+v, %v, sent %v", said, w, err, server.sent)
		}
	}
}
