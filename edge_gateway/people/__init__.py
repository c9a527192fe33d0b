"""From pictures and adverts to counts; nothing about a person leaves this folder."""
