package amazon

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
)

// adopt takes in the buckets that the servers behind were started with, as if they
// had been made here.
func (s *Server) adopt(ctx context.Context) error {
	for _, region := range s.options.Regions {
		list, err := s.send(ctx, region, behind{method: http.MethodGet})
		if err != nil {
			return err
		}
		var all struct {
			Buckets struct {
				Bucket []struct{ Name string }
			}
		}
		if err := xml.Unmarshal(list.body, &all); err != nil {
			return fmt.Errorf("amazon: the buckets of %s: %w", region, err)
		}
		for _, found := range all.Buckets.Bucket {
			b := newBucket(found.Name, region, s.options.Account, "BucketOwnerEnforced", s.now())
			for _, query := range []string{"tagging", "object-lock"} {
				is, err := s.send(ctx, region, behind{method: http.MethodGet, bucket: b.name,
					query: map[string][]string{query: {""}}})
				if err != nil {
					return err
				}
				switch {
				case is.status == http.StatusOK && query == "tagging":
					b.settings["BucketTagging"] = string(is.body)
				case is.status == http.StatusOK:
					b.lock = strings.Contains(string(is.body), "Enabled")
					b.settings["ObjectLockConfiguration"] = string(is.body)
				}
			}
			if err := s.adoptUploads(ctx, b); err != nil {
				return err
			}
			s.buckets[b.place()] = b
		}
	}
	return nil
}

// adoptUploads takes in what is begun in a bucket.
func (s *Server) adoptUploads(ctx context.Context, b *bucket) error {
	list, err := s.send(ctx, b.region, behind{method: http.MethodGet, bucket: b.name,
		query: map[string][]string{"uploads": {""}}})
	if err != nil {
		return err
	}
	var begun struct {
		Upload []struct {
			UploadID string `xml:"UploadId"`
		}
	}
	if err := xml.Unmarshal(list.body, &begun); err != nil {
		return fmt.Errorf("amazon: the uploads of %s: %w", b.name, err)
	}
	for _, u := range begun.Upload {
		b.uploads[u.UploadID] = &upload{object: &object{sse: "AES256"}, parts: make(map[int]part)}
	}
	return nil
}
