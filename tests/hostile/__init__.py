"""What a repository, an image, an index or an editor may do to this program at worst: get a clear line."""
