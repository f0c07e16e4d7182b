-- When core was last published; one row, null before the first publication.
select max(publication.published_at) as published_at
from ops.publication
