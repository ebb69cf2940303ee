package signin

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/zalando/go-keyring"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// Cache keeps people's sign-ins between runs. Its content is MSAL's own and
// holds refresh tokens.
type Cache interface {
	// Load gives what was saved last, nil where there is nothing.
	Load() ([]byte, error)
	// Save replaces it; nothing (nil) removes it.
	Save(data []byte) error
}

// MemoryCache forgets with the process.
type MemoryCache struct {
	mu   sync.Mutex
	data []byte
}

// NewMemoryCache makes an empty cache.
func NewMemoryCache() *MemoryCache { return &MemoryCache{} }

// Load gives what was saved last.
func (m *MemoryCache) Load() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.data), nil
}

// Save replaces it.
func (m *MemoryCache) Save(data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data = bytes.Clone(data)
	return nil
}

// Keyring keeps one short secret, the key of a FileCache.
type Keyring interface {
	// Get gives the secret, or "" if there is none.
	Get() (string, error)
	Set(secret string) error
	Delete() error
}

// SystemKeyring keeps the secret where the operating system keeps secrets: the
// Keychain, the Credential Manager, the Secret Service.
func SystemKeyring(service, user string) Keyring { return systemKeyring{service, user} }

type systemKeyring struct{ service, user string }

func (k systemKeyring) Get() (string, error) {
	secret, err := keyring.Get(k.service, k.user)
	if errors.Is(err, keyring.ErrNotFound) {
		return "", nil
	}
	return secret, err
}

func (k systemKeyring) Set(secret string) error { return keyring.Set(k.service, k.user, secret) }

func (k systemKeyring) Delete() error {
	if err := keyring.Delete(k.service, k.user); err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return err
	}
	return nil
}

// FileCache keeps sign-ins in a file that nobody else may read, encrypted with
// a key from a keyring: keyrings hold less than MSAL's cache has.
type FileCache struct {
	path string
	keys Keyring
}

// NewFileCache makes a cache at path; neither file nor keyring is touched yet.
func NewFileCache(path string, keys Keyring) *FileCache { return &FileCache{path, keys} }

// cacheHeader begins the file and is authenticated with it.
const cacheHeader = "dbaudit sign-in cache 1\n"

// Load decrypts the file. A file that cannot be decrypted (its key is missing, or it is
// damaged) counts as absent.
func (f *FileCache) Load() ([]byte, error) {
	sealed, err := bounds.ReadFile(bounds.Credential, f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the saved sign-ins: %w", err)
	}
	key, err := f.key(false)
	if err != nil {
		return nil, err
	}
	body, ok := bytes.CutPrefix(sealed, []byte(cacheHeader))
	if key == nil || !ok || len(body) < key.NonceSize() {
		return nil, nil
	}
	data, err := key.Open(nil, body[:key.NonceSize()], body[key.NonceSize():], []byte(cacheHeader))
	if err != nil {
		return nil, nil //nolint:nilerr // it reads as none, see above
	}
	return data, nil
}

// Save encrypts data and puts it in the file's place in one step. Saving nothing
// removes file and key.
func (f *FileCache) Save(data []byte) error {
	if len(data) == 0 {
		switch err := os.Remove(f.path); {
		case errors.Is(err, fs.ErrNotExist):
			// Without a file, the key is of no use, and there may be no keyring to ask.
			_ = f.keys.Delete()
			return nil
		case err != nil:
			return fmt.Errorf("removing the saved sign-ins: %w", err)
		}
		if err := f.keys.Delete(); err != nil {
			return fmt.Errorf("removing the key of the saved sign-ins from the keyring: %w", err)
		}
		return nil
	}
	key, err := f.key(true)
	if err != nil {
		return err
	}
	nonce := make([]byte, key.NonceSize())
	_, _ = rand.Read(nonce) // never fails, by its contract
	sealed := key.Seal(append([]byte(cacheHeader), nonce...), nonce, data, []byte(cacheHeader))
	if err := replaceFile(f.path, sealed); err != nil {
		return fmt.Errorf("saving the sign-in: %w", err)
	}
	return nil
}

// key gives the cipher of the file, nil where there is no key and none is to be
// made.
func (f *FileCache) key(create bool) (cipher.AEAD, error) {
	text, err := f.keys.Get()
	if err != nil {
		return nil, fmt.Errorf("asking the keyring for the key of the saved sign-ins: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != 32 {
		if !create {
			return nil, nil //nolint:nilnil // no key, and nothing wrong
		}
		key = make([]byte, 32)
		_, _ = rand.Read(key)
		if err := f.keys.Set(base64.StdEncoding.EncodeToString(key)); err != nil {
			return nil, fmt.Errorf("putting the key of the saved sign-ins into the keyring: %w", err)
		}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// replaceFile writes a file completely or not at all, readable by its owner only.
func replaceFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, filepath.Base(path)+".*") // made with 0600
	if err != nil {
		return err
	}
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Sync()
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}

// store connects a Cache with MSAL. If the cache fails (no keyring, or a locked one), the
// sign-in continues and is kept in memory.
type store struct {
	cache Cache
	warn  func(string)

	mu     sync.Mutex
	memory []byte
	failed bool
}

func newStore(c Cache, warn func(string)) *store {
	if warn == nil {
		warn = func(string) {}
	}
	return &store{cache: c, warn: warn}
}

func (s *store) Replace(ctx context.Context, into cache.Unmarshaler, _ cache.ReplaceHints) error {
	data := s.load()
	if len(data) == 0 {
		return nil
	}
	if ctx.Value(noTokens{}) != nil {
		data = dropAccessTokens(data)
	}
	if err := into.Unmarshal(data); err != nil {
		s.warn("the saved sign-ins cannot be read and are not used")
	}
	return nil
}

func (s *store) Export(_ context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	data, err := from.Marshal()
	if err != nil {
		return errors.New("the sign-in cannot be kept")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory = data
	if !s.failed {
		s.complain(s.cache.Save(data))
	}
	return nil
}

func (s *store) load() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed {
		return s.memory
	}
	data, err := s.cache.Load()
	if s.complain(err); s.failed {
		return s.memory
	}
	return data
}

func (s *store) complain(err error) {
	if err != nil {
		s.failed = true
		s.warn("the sign-in is kept for this run only: " + dataverse.Printable(err.Error()))
	}
}

// dropAccessTokens leaves MSAL its refresh tokens only, by the published form of
// its cache, which all MSAL libraries share.
func dropAccessTokens(data []byte) []byte {
	var sections map[string]json.RawMessage
	if json.Unmarshal(data, &sections) != nil {
		return data
	}
	delete(sections, "AccessToken")
	smaller, err := json.Marshal(sections)
	if err != nil {
		return data
	}
	return smaller
}
